import { once } from "node:events";
import type { ExecStreamReceive } from "@alcove/contract";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { ask, createSandbox, type Served, serve } from "./serve-for-tests.js";

let served: Served;
let sandbox: { id: string; path: string };

beforeAll(async () => {
  served = await serve();
  sandbox = await createSandbox(served.socketPath);
});
afterAll(() => served[Symbol.asyncDispose]());

const ids = Array.from({ length: 9 }, (_, digit) => `00000000-0000-4000-8000-00000000000${digit}`);
const open = (tail: string, options = {}) =>
  new WebSocket(`ws+unix:${served.socketPath}:${sandbox.path}/${tail}`, options);

/** Everything that comes until the socket closes: output by stream, messages, close code. */
async function conversation(socket: WebSocket) {
  const output = { 1: "", 2: "" } as Record<number, string>;
  const messages: ExecStreamReceive[] = [];
  let nextOffset: number | undefined;
  socket.on("message", (data: Buffer, isBinary) => {
    if (!isBinary) return void messages.push(JSON.parse(data.toString()));
    const offset = Number(data.readBigUInt64BE(1));
    if (nextOffset !== undefined) expect(offset).toBe(nextOffset);
    nextOffset = offset + data.length - 9;
    output[data[0] ?? 0] += data.subarray(9).toString();
  });
  const [code] = await once(socket, "close");
  return { stdout: output[1], stderr: output[2], messages, code: code as number };
}

async function run(start: object, act: (socket: WebSocket) => void = () => {}) {
  const socket = open("exec/stream");
  socket.on("open", () => {
    socket.send(JSON.stringify({ type: "start", start }));
    act(socket);
  });
  return conversation(socket);
}

const execs = async () =>
  JSON.parse((await ask(served.socketPath, `${sandbox.path}/execs`)).text) as { id: string; state: string }[];

test("output comes in binary messages with stream and offset, between started and end", async () => {
  const { stdout, stderr, messages, code } = await run({ shellCommand: "echo out; echo err >&2; exit 3" });
  expect([stdout, stderr, code]).toEqual(["out\n", "err\n", 1000]);
  expect(messages.map(({ type }) => type)).toEqual(["started", "end"]);
  expect(messages[1]).toMatchObject({ exec: { state: "Exited", exitCode: 3, stdoutBytes: 4, stderrBytes: 4 } });
});

test("input flows in, and closing it ends the reader", async () => {
  const { stdout } = await run({ args: ["cat"], stdin: true }, (socket) => {
    for (let index = 0; index < 100; index += 1) socket.send(Buffer.from(`line ${index}\n`));
    socket.send(JSON.stringify({ type: "closeStdin" }));
  });
  expect(stdout?.split("\n")).toHaveLength(101);
});

test("input for a program that has ended meanwhile ends nothing else", async () => {
  const { messages, code } = await run({ args: ["nosuchprogram"], stdin: true }, (socket) => {
    socket.send(Buffer.from("unread"));
    socket.send(JSON.stringify({ type: "closeStdin" }));
  });
  expect(messages.map(({ type }) => type)).toEqual(["started", "end"]);
  expect(messages[1]).toMatchObject({ exec: { exitCode: 127 } });
  expect(code).toBe(1000);
});

test("input that the program never reads does not pile up here", async () => {
  const socket = open("exec/stream");
  socket.on("open", () =>
    socket.send(JSON.stringify({ type: "start", start: { args: ["sleep", "60"], stdin: true } })),
  );
  await once(socket, "message");
  for (let index = 0; index < 800; index += 1) socket.send(Buffer.alloc(65_536));
  let unsent = -1;
  await vi.waitFor(
    () => {
      const isStill = socket.bufferedAmount === unsent;
      unsent = socket.bufferedAmount;
      expect(isStill).toBe(true);
    },
    { timeout: 20_000 },
  );
  // What was not taken still lies in the client's own buffer.
  expect(800 * 65_536 - unsent).toBeLessThan(2_000_000);
  socket.terminate();
});

test("a signal reaches the exec", async () => {
  const { messages } = await run({ args: ["sleep", "60"] }, (socket) =>
    socket.send(JSON.stringify({ type: "signal", signal: "TERM" })),
  );
  expect(messages.at(-1)).toMatchObject({ type: "end", exec: { signal: "TERM", exitCode: 143 } });
});

test("without an id of the client's the exec ends with its socket", async () => {
  const socket = open("exec/stream");
  socket.on("open", () => socket.send(JSON.stringify({ type: "start", start: { args: ["sleep", "77"] } })));
  const [data] = await once(socket, "message");
  const { id } = JSON.parse(data.toString()).exec;
  expect((await execs()).some((exec) => exec.id === id)).toBe(true);
  socket.terminate();
  await vi.waitFor(async () => expect((await execs()).some((exec) => exec.id === id)).toBe(false), { timeout: 20_000 });
});

test("with an id of the client's it goes on, and another client attaches from an offset", async () => {
  const socket = open("exec/stream");
  const start = { id: ids[0], args: ["cat"], stdin: true };
  socket.on("open", () => socket.send(JSON.stringify({ type: "start", start })));
  await once(socket, "message");
  socket.send(Buffer.from("0123456789"));
  await once(socket, "message");
  socket.terminate();
  const again = open(`execs/${ids[0]}/stream?offset=4`);
  again.on("open", () => again.send(JSON.stringify({ type: "closeStdin" })));
  expect(await conversation(again)).toMatchObject({ stdout: "456789", code: 1000 });
});

test("an id that is taken is told as ExecExists", async () => {
  await run({ id: ids[1], args: ["true"] });
  const { messages, code } = await run({ id: ids[1], args: ["true"] });
  expect(messages).toMatchObject([{ type: "error", problem: { code: "ExecExists" } }]);
  expect(code).toBe(1008);
});

const malformed: [string, string | Buffer, string][] = [
  ["no JSON", "{", "not valid JSON"],
  ["an unknown type", '{"type":"resize"}', "type"],
  ["an unknown field", '{"type":"closeStdin","now":true}', "now"],
  ["a second start", '{"type":"start","start":{"args":["true"]}}', "started already"],
];

test.each(malformed)("%s is answered with the error, and the socket closes", async (_what, message, detail) => {
  const { messages, code } = await run({ args: ["sleep", "60"], stdin: true }, (socket) => socket.send(message));
  expect(code).toBe(1008);
  const problem = messages.find(({ type }) => type === "error");
  expect(problem).toMatchObject({ problem: { code: "InvalidRequest", detail: expect.stringContaining(detail) } });
});

test("what comes first must be a start", async () => {
  const socket = open("exec/stream");
  socket.on("open", () => socket.send(Buffer.from("input")));
  const { messages, code } = await conversation(socket);
  expect(messages).toMatchObject([{ type: "error", problem: { code: "InvalidRequest", field: "type" } }]);
  expect(code).toBe(1008);
});

test("a message beyond 1 MiB closes the socket", async () => {
  const { code } = await run({ args: ["cat"], stdin: true }, (socket) => socket.send(Buffer.alloc(1_048_577)));
  expect(code).toBe(1009);
});

test("what is wrong before the upgrade is answered as a problem", async () => {
  const refused = async (tail: string, options = {}) => {
    const socket = open(tail, options);
    socket.on("error", () => undefined);
    const [, incoming] = await once(socket, "unexpected-response");
    return JSON.parse(Buffer.concat(await incoming.toArray()).toString());
  };
  expect(await refused("exec/stream?x=1")).toMatchObject({ code: "InvalidRequest", field: "x" });
  expect(await refused(`execs/${ids[2]}/stream?offset=-1`)).toMatchObject({ code: "InvalidRequest", field: "offset" });
  expect(await refused("execs")).toMatchObject({ code: "InvalidRequest", field: "upgrade" });
  expect(await refused("exec/stream", { origin: "http://evil.example" })).toMatchObject({ code: "Forbidden" });
  expect(await refused("nothing")).toMatchObject({ code: "RouteNotFound" });
});

test("a slow reader holds the program back, and nothing piles up", async () => {
  const socket = open("exec/stream");
  const start = { id: ids[3], args: ["yes"] };
  socket.on("open", () => socket.send(JSON.stringify({ type: "start", start })));
  await once(socket, "message");
  socket.pause();
  const stdoutBytes = async () => {
    const { json } = await ask(served.socketPath, `${sandbox.path}/execs/${ids[3]}`);
    return json.stdoutBytes as number;
  };
  let before = -1;
  await vi.waitFor(
    async () => {
      const now = await stdoutBytes();
      const isStill = now === before;
      before = now;
      expect(isStill).toBe(true);
    },
    { timeout: 10_000 },
  );
  expect(before).toBeLessThan(32_000_000);
  socket.terminate();
  await ask(served.socketPath, `${sandbox.path}/execs/${ids[3]}?force=true`, { method: "DELETE" });
});
