import { once } from "node:events";
import type { TerminalReceive } from "@alcove/contract";
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

/** One client: what it saw, and how its socket closed. */
class Client {
  readonly socket: WebSocket;
  readonly messages: TerminalReceive[] = [];
  shown = "";
  offset = 0;
  readonly closed: Promise<number>;

  constructor(tail: string, start?: object) {
    this.socket = new WebSocket(`ws+unix:${served.socketPath}:${sandbox.path}/terminals/${tail}`);
    this.closed = once(this.socket, "close").then(([code]) => code as number);
    if (start !== undefined) this.socket.on("open", () => this.send({ type: "start", start }));
    this.socket.on("message", (data) => this.#see(JSON.parse(data.toString()) as TerminalReceive));
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  type(text: string): void {
    this.send({ type: "stdin", data: Buffer.from(text).toString("base64") });
  }

  sees(text: string): Promise<void> {
    return vi.waitFor(() => expect(this.shown).toContain(text), { timeout: 5_000 });
  }

  async sessionId(): Promise<string> {
    const found = () => this.messages.find((message) => message.type === "session_id");
    await vi.waitFor(() => expect(found()).toBeDefined(), { timeout: 5_000 });
    return found()?.data ?? "";
  }

  get error() {
    return this.messages.find((message) => message.type === "error");
  }

  #see(message: TerminalReceive): void {
    this.messages.push(message);
    if (message.type !== "stdout") return;
    const bytes = Buffer.from(message.data, "base64");
    this.shown += bytes.toString();
    this.offset = message.offset + bytes.length;
  }
}

const open = (start: object = {}) => new Client("stream", start);
const execs = async () => JSON.parse((await ask(served.socketPath, `${sandbox.path}/execs`)).text) as { id: string }[];

test("a shell shows what is typed and what it answers, and its exit code closes the socket", async () => {
  const client = open({ height: 40, width: 120 });
  await client.sees("$ ");
  client.type("stty size; echo $TERM >&2\r");
  await client.sees("40 120\r\nxterm-256color\r\n");
  client.type("exit 7\r");
  expect(await client.closed).toBe(1000);
  expect(client.messages[0]).toEqual({ type: "session_id", data: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  expect(client.messages.at(-1)).toEqual({ type: "exit_code", exitCode: 7 });
});

test("another size is told to the programs, and the exec shows it", async () => {
  const client = open({ command: "sh" });
  await client.sees("$ ");
  client.send({ type: "resize", resize: { height: 50, width: 132 } });
  client.type("stty size\r");
  await client.sees("50 132");
  const { json } = await ask(served.socketPath, `${sandbox.path}/execs/${await client.sessionId()}`);
  expect(json.terminal).toEqual({ rows: 50, columns: 132 });
  client.type("\x04");
  expect(await client.closed).toBe(1000);
});

test("Ctrl-C ends the program, and the message says by which signal", async () => {
  const client = open({ command: "sleep", args: ["1000"] });
  await client.sessionId();
  client.type("\x03");
  expect(await client.closed).toBe(1000);
  expect(client.messages.at(-1)).toEqual({ type: "exit_code", exitCode: 130, signal: "INT" });
});

test("a terminal goes on without its client, and another attaches from an offset; several are apart", async () => {
  const [first, other] = [open(), open()];
  await Promise.all([first.sees("$ "), other.sees("$ ")]);
  first.type("echo one\r");
  await first.sees("one\r\n$ ");
  const id = await first.sessionId();
  first.socket.terminate();
  expect((await execs()).map((exec) => exec.id)).toEqual(expect.arrayContaining([id, await other.sessionId()]));
  const again = new Client(`${id}/stream?offset=${"$ echo ".length}`);
  await again.sees("one\r\n");
  expect(again.shown.startsWith("one\r\n")).toBe(true);
  again.type("echo two\r");
  await again.sees("two\r\n");
  expect(other.shown).toBe("$ ");
  other.socket.terminate();
  const { status } = await ask(served.socketPath, `${sandbox.path}/execs/${id}`, { method: "DELETE" });
  expect(status).toBe(204);
  expect(await again.closed).toBe(1000);
});

test("two clients of one terminal see the same", async () => {
  const first = open();
  await first.sees("$ ");
  const second = new Client(`${await first.sessionId()}/stream`);
  await second.sees("$ ");
  second.type("echo both\r");
  await Promise.all([first.sees("both\r\n$ "), second.sees("both\r\n$ ")]);
  first.type("exit\r");
  expect(await Promise.all([first.closed, second.closed])).toEqual([1000, 1000]);
});

const hostile: [string, string | Buffer, string][] = [
  ["binary garbage", Buffer.from([0, 255, 1, 254]), "binary"],
  ["no JSON", "{", "not valid JSON"],
  ["an unknown type", '{"type":"closeStdin"}', "type"],
  ["an unknown field", '{"type":"stdin","data":"","now":true}', "now"],
  ["no base64", '{"type":"stdin","data":"***"}', "data"],
  ["a size of 0 by 0", '{"type":"resize","resize":{"height":0,"width":0}}', "height"],
  ["a huge size", '{"type":"resize","resize":{"height":1000000,"width":80}}', "height"],
  ["a size that is no whole number", '{"type":"resize","resize":{"height":24.5,"width":80}}', "height"],
  ["a second start", '{"type":"start","start":{}}', "started already"],
];

test.each(hostile)(
  "%s is answered with the error, and costs the client its socket, not the terminal",
  async (...given) => {
    const [, message, detail] = given;
    const client = open({ command: "cat" });
    const id = await client.sessionId();
    client.socket.send(message);
    expect(await client.closed).toBe(1008);
    expect(client.error).toMatchObject({ error: expect.any(String), problem: { code: "InvalidRequest" } });
    expect(JSON.stringify(client.error)).toContain(detail);
    const again = new Client(`${id}/stream`);
    await again.sessionId();
    again.type("still here\r");
    await again.sees("still here\r\nstill here\r\n");
    again.type("\x04");
    expect(await again.closed).toBe(1000);
  },
);

test("a message of 64 MiB closes the socket before it is read", async () => {
  const client = open({ command: "cat" });
  await client.sessionId();
  client.socket.on("error", () => undefined);
  client.socket.send("x".repeat(67_108_864));
  expect([1006, 1009]).toContain(await client.closed);
});

test("what comes first must be a start that makes sense", async () => {
  for (const [start, field] of [
    [{ height: 0 }, "height"],
    [{ args: ["-l"] }, "args"],
    [{ tty: false }, "tty"],
    [{ shell: "zsh" }, "shell"],
  ] as const) {
    const client = open(start);
    expect(await client.closed).toBe(1008);
    expect(client.error).toMatchObject({ problem: { code: "InvalidRequest" } });
    expect(JSON.stringify(client.error)).toContain(field);
  }
});

test("what has no terminal is not attached to as one", async () => {
  const { json } = await ask(served.socketPath, `${sandbox.path}/execs`, {
    method: "POST",
    body: { args: ["sleep", "50"] },
  });
  const client = new Client(`${json.id}/stream`);
  expect(await client.closed).toBe(1008);
  expect(client.error?.error).toContain("has no terminal");
});

test("what is typed wakes a stopped sandbox, and the client is told of the sleep", async () => {
  const client = open();
  await client.sees("$ ");
  const { status } = await ask(served.socketPath, `${sandbox.path}/stop`, { method: "POST", body: {} });
  expect(status).toBe(200);
  client.type("echo awake\r");
  await client.sees("awake\r\n");
  expect(client.messages.map(({ type }) => type)).toContain("interrupted");
  client.socket.terminate();
});

test("without rights the upgrade is answered with 401, and with no redirect", async () => {
  const port = await served.openTcp();
  for (const headers of [{}, { authorization: "Bearer nobody" }]) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${sandbox.path}/terminals/stream`, { headers });
    socket.on("error", () => undefined);
    const [, incoming] = await once(socket, "unexpected-response");
    expect(incoming.statusCode).toBe(401);
    expect(incoming.headers.location).toBeUndefined();
    expect(incoming.headers["content-type"]).toBe("application/problem+json");
    incoming.resume();
  }
});
