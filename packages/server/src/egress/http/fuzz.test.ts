/** Bytes that are almost HTTP, and ends at any moment, from programs and from servers: nothing is thrown, nothing stays, the next request is served. */
import { once } from "node:events";
import http2 from "node:http2";
import net, { type Socket } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { closed, listening, rawExchange, startGate } from "./flow-test-kit.js";

const runs = process.env.ALCOVE_TEST_LONG === undefined ? 150 : 5_000;

const head = "Host: example.com\r\n";
const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
/** :method GET, :scheme http, :path /, :authority example.com, as HPACK literals; ends the head, with and without the stream. */
const getHead = Buffer.concat([Buffer.from([0x82, 0x86, 0x84, 0x01, 11]), Buffer.from("example.com")]);
const frame = (type: number, flags: number, stream: number, payload: Buffer) =>
  Buffer.concat([Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream]), payload]);

const seeds: readonly Buffer[] = [
  Buffer.from(`GET /a HTTP/1.1\r\n${head}\r\n`),
  Buffer.from(`GET /a HTTP/1.1\r\n${head}\r\nGET /b HTTP/1.1\r\n${head}Connection: close\r\n\r\n`),
  Buffer.from(`POST /p HTTP/1.1\r\n${head}Content-Length: 5\r\n\r\nhello`),
  Buffer.from(
    `PUT /c HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n`,
  ),
  Buffer.from(
    `GET /w HTTP/1.1\r\n${head}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\nframes`,
  ),
  Buffer.from(
    `POST /u HTTP/1.1\r\n${head}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nab`,
  ),
  Buffer.from(`CONNECT example.com:80 HTTP/1.1\r\n${head}\r\nbytes`),
  Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    settings,
    frame(1, 5, 1, getHead),
    frame(3, 0, 1, Buffer.alloc(4)),
  ]),
  Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ...[
      settings,
      frame(1, 4, 1, getHead),
      frame(0, 0, 1, Buffer.from("body")),
      frame(1, 5, 3, getHead),
      frame(0, 1, 1, Buffer.from("end")),
    ],
    ...[frame(6, 0, 0, Buffer.alloc(8)), frame(8, 0, 0, Buffer.from([0, 0, 1, 0])), frame(7, 0, 0, Buffer.alloc(8))],
  ]),
];

const answers: readonly Buffer[] = [
  Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
  Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n"),
  Buffer.from("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"),
  Buffer.from("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the end"),
  Buffer.from("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nframes"),
];

/** Pieces of a seed, some bytes of which are others, and whether it ends, breaks off, or stays when all was said. */
const talk = (texts: readonly Buffer[]) =>
  fc.record({
    text: fc.constantFrom(...texts),
    changes: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
    cuts: fc.array(fc.nat(), { maxLength: 3 }),
    ending: fc.constantFrom("end", "break", "stay"),
  });
type Talk = ReturnType<typeof talk> extends fc.Arbitrary<infer T> ? T : never;

async function play(socket: Socket, { text, changes, cuts, ending }: Talk): Promise<void> {
  const bytes = Buffer.from(text);
  for (const [at, value] of changes) bytes[at % bytes.length] = value;
  const at = [0, ...cuts.map((cut) => cut % bytes.length).toSorted((one, other) => one - other), bytes.length];
  for (let piece = 0; piece + 1 < at.length && socket.writable; piece++) {
    socket.write(bytes.subarray(at[piece], at[piece + 1]));
    await new Promise(setImmediate);
  }
  if (ending === "end") socket.end();
  if (ending === "break") socket.resetAndDestroy();
}

test("programs and servers that say anything at all", { timeout: 600_000 }, async () => {
  let answer: Talk = { text: Buffer.alloc(0), changes: [], cuts: [], ending: "end" };
  const server = await listening(
    net.createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => void play(socket, answer));
    }),
  );
  await using gate = await startGate({ scheme: "http", servers: { "example.com:80": server }, headTimeoutMs: 300 });
  const said = fc.tuple(talk(seeds), talk(answers), fc.boolean());
  await fc.assert(
    fc.asyncProperty(said, async ([program, played, isAborted]) => {
      answer = played;
      const socket = net.connect(gate.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.resume();
      const over = once(socket, "close");
      await play(socket, program);
      await Promise.race([over, new Promise((resolve) => setTimeout(resolve, isAborted ? 1 : 25))]);
      socket.destroy();
      for (const one of [...gate.programs, ...gate.upstreams]) one.destroy();
    }),
    { numRuns: runs },
  );
  await expect.poll(() => gate.programs.size + gate.upstreams.size).toBe(0);
  answer = { text: answers[0] ?? Buffer.alloc(0), changes: [], cuts: [], ending: "end" };
  expect(await rawExchange(gate.port, `GET / HTTP/1.1\r\n${head}Connection: close\r\n\r\n`)).toMatch(/ok$/);
  const session = http2.connect(`http://127.0.0.1:${gate.port}`);
  session.on("error", () => {});
  const denied = session.request({ ":authority": "evil.example" });
  const [headers] = await once(denied, "response");
  expect(headers[":status"]).toBe(421);
  session.destroy();
  await closed(server);
});
