/** Who does not read holds back who writes: nothing is kept beyond what is on its way. */
import http from "node:http";
import http2 from "node:http2";
import net, { type Socket } from "node:net";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { issue } from "../certificates/authority.js";
import { closed, type Gate, groupAuthority, listening, serverAuthority, startGate } from "./flow-test-kit.js";

const { certificate, key } = await issue(serverAuthority, "example.com");
const chunk = Buffer.alloc(65_536, "x");
/** Sockets' buffers of the kernel are the most of it. */
const muchBytes = 24 * 1024 * 1024;

/** What the server has sent of an endless body, and got of one. */
const moved = { sent: 0, got: 0 };
const accepted = new Set<Socket>();
let plain: http.Server;
let modern: http2.Http2SecureServer;

/** GET: an answer without end. POST: takes nothing. */
function serve(method: string | undefined, answer: NodeJS.WritableStream): void {
  if (method !== "GET") return;
  const more = () => {
    while (answer.writable) {
      moved.sent += chunk.length;
      if (!answer.write(chunk)) break;
    }
  };
  answer.on("drain", more);
  more();
}

beforeAll(async () => {
  plain = await listening(http.createServer((request, response) => serve(request.method, response)));
  modern = await listening(http2.createSecureServer({ cert: certificate, key }));
  // A session that has still to write does not end by itself.
  modern.on("connection", (socket: Socket) => accepted.add(socket));
  modern.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    if (headers[":method"] === "GET") stream.respond();
    serve(headers[":method"], stream);
  });
});

afterAll(async () => {
  plain.closeAllConnections();
  for (const socket of accepted) socket.destroy();
  await Promise.all([closed(plain), closed(modern)]);
});

/** Until it does not move any more. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; count() !== before; ) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return count();
}

describe.each([true, false])("from a stream that is no socket: %s", (isPlainStream) => {
  const open = (scheme: "http" | "https") =>
    startGate({ scheme, isPlainStream, servers: { "example.com:80": plain, "example.com:443": modern } });
  const raw = async (gate: Gate): Promise<Socket> => net.connect(gate.port, "127.0.0.1");

  test("a program that does not read an answer holds back its server", async () => {
    await using gate = await open("http");
    moved.sent = 0;
    const socket = await raw(gate);
    socket.pause();
    socket.write("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    expect(await settled(() => moved.sent)).toBeLessThan(muchBytes);
    expect(moved.sent).toBeGreaterThan(chunk.length);
    socket.destroy();
  });

  test("a server that does not read a body holds back its program", async () => {
    await using gate = await open("http");
    const socket = await raw(gate);
    socket.on("error", () => {});
    socket.write("POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n");
    const framed = Buffer.concat([Buffer.from("10000\r\n"), chunk, Buffer.from("\r\n")]);
    let written = 0;
    const more = () => {
      while (socket.write(framed)) written += framed.length;
      written += framed.length;
    };
    socket.on("drain", more);
    more();
    expect(await settled(() => written)).toBeLessThan(muchBytes);
    socket.destroy();
  });

  test("in HTTP/2 too, and a stream that nobody reads leaves the others of its connection alone", async () => {
    await using gate = await open("https");
    const trust = { ca: groupAuthority.certificate, servername: "example.com", ALPNProtocols: ["h2"] };
    const socket = tls.connect({ host: "127.0.0.1", port: gate.port, ...trust });
    const session = http2.connect("https://example.com", { createConnection: () => socket });
    session.on("error", () => {});
    moved.sent = 0;
    const unread = session.request({ ":path": "/" });
    unread.on("error", () => {});
    const upload = session.request({ ":method": "POST", ":path": "/" }, { endStream: false });
    upload.on("error", () => {});
    let written = 0;
    const more = () => {
      while (upload.write(chunk)) written += chunk.length;
      written += chunk.length;
    };
    upload.on("drain", more);
    more();
    expect(await settled(() => moved.sent + written)).toBeLessThan(muchBytes);
    const other = session.request({ ":path": "/" });
    other.on("error", () => {});
    await new Promise((resolve) => other.once("data", resolve));
    session.destroy();
    await expect.poll(() => gate.programs.size + gate.upstreams.size).toBe(0);
  });
});
