/** HTTP/2 through the gateway: end to end where the server speaks it, in HTTP/1.1 where it does not. */
import { EventEmitter } from "node:events";
import type http from "node:http";
import type { IncomingMessage } from "node:http";
import http2, { type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from "node:http2";
import https from "node:https";
import net from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { frame } from "../../guest/http2-frame-test-kit.js";
import { issue } from "../certificates/authority.js";
import {
  closed,
  type Gate,
  type GateOptions,
  groupAuthority,
  listening,
  serverAuthority,
  startGate,
} from "./flow-test-kit.js";

const { certificate, key } = await issue(serverAuthority, "example.com");
const identity = { cert: certificate, key };
let modern: http2.Http2SecureServer;
let cleartext: http2.Http2Server;
let old: https.Server;
/** Tells by the path how a body ended. */
const arrivals = new EventEmitter();
const sessions = new Set<http2.ServerHttp2Session>();

/** As a gRPC server has it: the answer's status is in its trailers. */
function serveStream(stream: http2.ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  stream.on("error", () => {});
  if (headers[":path"] === "/refuse") {
    stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
  } else if (headers[":path"] === "/status-only") {
    stream.respond({ ":status": 200, "grpc-status": "5" }, { endStream: true });
  } else if (headers[":path"] === "/broken") {
    stream.respond({ ":status": 200 });
    stream.write("half");
    setTimeout(() => stream.destroy(new Error("broken")), 50);
  } else if (headers[":path"] === "/cut") {
    stream.respond({ ":status": 200 });
    stream.write("half");
    const { session } = stream;
    setTimeout(() => session?.destroy(), 50);
  } else if (headers[":path"] === "/hints") {
    stream.additionalHeaders({ ":status": 103, link: "</a.css>; rel=preload" });
    stream.respond({ ":status": 200 }, { endStream: true });
  } else {
    stream.respond(
      { ":status": 200, "content-type": "application/grpc", "set-cookie": ["a=1", "b=2"] },
      { waitForTrailers: true },
    );
    let sum = 0;
    stream.on("trailers", (trailers) => stream.emit("seen", trailers));
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "x-sum": String(sum) }));
    // Each message is answered as it comes.
    stream.on("data", (chunk: Buffer) => {
      sum += chunk.length;
      stream.write(`got ${chunk.length};`);
    });
    stream.on("aborted", () => arrivals.emit(headers[":path"] ?? "", "aborted"));
    stream.on("end", () => {
      if (!stream.aborted) arrivals.emit(headers[":path"] ?? "", "whole");
    });
    stream.on("end", () => stream.end(JSON.stringify(headers)));
  }
}

beforeAll(async () => {
  modern = await listening(http2.createSecureServer(identity));
  cleartext = await listening(http2.createServer());
  for (const server of [modern, cleartext]) {
    server.on("stream", serveStream);
    server.on("session", (session) => {
      sessions.add(session);
      session.once("close", () => sessions.delete(session));
    });
  }
  const answer: http.RequestListener = async (request: IncomingMessage, response) => {
    const body = await text(request);
    response.writeHead(200, { Trailer: "X-Sum", "Keep-Alive": "timeout=9" });
    response.write(JSON.stringify({ method: request.method, rawHeaders: request.rawHeaders, body }));
    response.addTrailers({ "X-Sum": String(body.length) });
    response.end();
  };
  old = await listening(https.createServer(identity, answer));
});

afterAll(async () => {
  for (const session of sessions) session.destroy();
  old.closeAllConnections();
  await Promise.all([closed(modern), closed(cleartext), closed(old)]);
});

interface Client extends AsyncDisposable {
  readonly gate: Gate;
  readonly scheme: "http" | "https";
  readonly session: ClientHttp2Session;
}

async function connect(server: net.Server, options: Partial<GateOptions> = {}): Promise<Client> {
  const scheme = options.scheme ?? "https";
  const servers = { "example.com:443": server, "example.com:80": server };
  const gate = await startGate({ scheme, servers, ...options });
  const trust = { ca: groupAuthority.certificate, servername: "example.com" };
  const session = http2.connect(`${scheme}://127.0.0.1:${gate.port}`, trust);
  session.on("error", () => {});
  return {
    ...{ gate, session, scheme },
    [Symbol.asyncDispose]: async () => {
      session.destroy();
      await gate[Symbol.asyncDispose]();
    },
  };
}

interface Got {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
  readonly code: number;
}

const own = { ":authority": "example.com" };

function ask({ session, scheme }: Client, headers: http2.OutgoingHttpHeaders, body?: string): Promise<Got> {
  const stream = session.request({ ":scheme": scheme, ...own, ...headers }, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return gotOf(stream);
}

function gotOf(stream: ClientHttp2Stream): Promise<Got> {
  return new Promise((resolve) => {
    let [headers, trailers, body]: [IncomingHttpHeaders, IncomingHttpHeaders, string] = [{}, {}, ""];
    stream.on("response", (seen) => (headers = seen));
    stream.on("trailers", (seen) => (trailers = seen));
    stream.on("data", (chunk) => (body += chunk));
    stream.on("error", () => {});
    stream.on("close", () =>
      resolve({ status: headers[":status"] as number | undefined, headers, trailers, body, code: stream.rstCode }),
    );
  });
}

describe.each([
  ["https", false],
  ["https", true],
  ["http", false],
  ["http", true],
] as const)("to a server that speaks it, by %s, from a stream that is no socket: %s", (scheme, isPlainStream) => {
  const open = (options: Partial<GateOptions> = {}) =>
    connect(scheme === "https" ? modern : cleartext, { scheme, isPlainStream, ...options });

  test("a call as gRPC has it: messages both ways at once, the status in the trailers", async () => {
    await using client = await open();
    const headers = {
      ":method": "POST",
      ":path": "/pkg.Service/Call",
      te: "trailers",
      "content-type": "application/grpc",
    };
    const stream = client.session.request({ ":scheme": scheme, ...own, ...headers }, { endStream: false });
    const got = gotOf(stream);
    stream.write("first");
    const reply = await new Promise((resolve) => stream.once("data", (chunk) => resolve(String(chunk))));
    expect(reply).toBe("got 5;");
    stream.end("second!");
    const { status, headers: answered, trailers, body } = await got;
    expect([status, answered["set-cookie"]]).toEqual([200, ["a=1", "b=2"]]);
    expect(trailers).toMatchObject({ "grpc-status": "0", "x-sum": "12" });
    expect(JSON.parse(body.slice(body.indexOf("{")))).toMatchObject({ ":authority": "example.com", te: "trailers" });
    const decision = { protocol: scheme, method: "POST", path: "/pkg.Service/Call", verdict: "Allow", bytesSent: 12 };
    await expect.poll(() => client.gate.decisions).toMatchObject([decision]);
  });

  test("an answer of a head alone, and one that breaks off, arrive as that", async () => {
    await using client = await open();
    const alone = await ask(client, { ":path": "/status-only" });
    expect([alone.status, alone.headers["grpc-status"], alone.code]).toEqual([200, "5", 0]);
    const broken = await ask(client, { ":path": "/broken" });
    expect([broken.body, broken.code]).toEqual(["half", http2.constants.NGHTTP2_INTERNAL_ERROR]);
    const cut = await ask(client, { ":path": "/cut" });
    expect([cut.body, cut.code]).toEqual(["half", http2.constants.NGHTTP2_INTERNAL_ERROR]);
    const refused = await ask(client, { ":path": "/refuse" });
    expect(refused.code).toBe(http2.constants.NGHTTP2_REFUSED_STREAM);
  });

  test("a body that the program breaks off never arrives as a whole one", async () => {
    await using client = await open();
    const headers = { ":method": "POST", ":path": "/whole?" };
    const stream = client.session.request({ ":scheme": scheme, ...own, ...headers }, { endStream: false });
    stream.on("error", () => {});
    stream.write("half");
    await new Promise((resolve) => stream.once("data", resolve));
    const arrived = new Promise((resolve) => arrivals.once("/whole?", resolve));
    client.session.destroy();
    expect(await arrived).toBe("aborted");
  });

  test("a call that is under way ends when the policy changes and does not let it go on, and others stay", async () => {
    await using client = await open();
    const begin = async (path: string) => {
      const head = { ":scheme": scheme, ...own, ":method": "POST", ":path": path };
      const stream = client.session.request(head, { endStream: false });
      stream.on("error", () => {});
      stream.write("first");
      await new Promise((resolve) => stream.once("data", resolve));
      return stream;
    };
    const [kept, lost] = [await begin("/kept"), await begin("/lost")];
    const closing = new Promise((resolve) => lost.once("close", resolve));
    const rule = { name: "no", match: { host: "*", path: "/lost" }, action: { type: "Deny" as const } };
    client.gate.setPolicy({ defaultAction: "Allow", rules: [rule] });
    await closing;
    expect(lost.rstCode).toBe(http2.constants.NGHTTP2_INTERNAL_ERROR);
    const got = gotOf(kept);
    kept.end("second");
    expect((await got).trailers).toMatchObject({ "x-sum": "11" });
    expect((await ask(client, { ":path": "/" })).status).toBe(200);
    expect(client.gate.dialled).toHaveLength(2);
    await expect.poll(() => client.gate.upstreams.size).toBe(1);
  });

  test("many at once are one connection to the server, and a denied one is a text", async () => {
    const rule = { name: "no", match: { host: "*", path: "/no" }, action: { type: "Deny" as const } };
    await using client = await open({ policy: { defaultAction: "Allow", rules: [rule] } });
    const all = await Promise.all(Array.from({ length: 60 }, (_, at) => ask(client, { ":path": `/p${at}` }, "x")));
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 200));
    expect(client.gate.dialled).toHaveLength(1);
    const denied = await ask(client, { ":path": "/no" });
    expect(denied.status).toBe(403);
    expect(denied.body).toContain(`Alcove denied GET ${scheme}://example.com/no by rule "no"`);
  });
});

describe("to a server that speaks only HTTP/1.1", () => {
  test("requests are translated, each as it is, and so are their answers", async () => {
    await using client = await connect(old);
    const headers = { ":method": "POST", ":path": "/x", cookie: ["a=1", "b=2"], te: "trailers" };
    const { status, headers: answered, body, trailers } = await ask(client, headers, "hello");
    const { rawHeaders, ...rest } = JSON.parse(body);
    expect([status, rest, trailers["x-sum"]]).toEqual([200, { method: "POST", body: "hello" }, "5"]);
    const expected = ["Host", "example.com", "Cookie", "a=1; b=2", "Transfer-Encoding", "chunked"];
    expect(rawHeaders).toEqual([...expected, "Connection", "keep-alive"]);
    expect(answered).not.toHaveProperty("keep-alive");
  });

  test("those at once have connections of their own, which are used again", async () => {
    await using client = await connect(old);
    const round = () => Promise.all(Array.from({ length: 10 }, () => ask(client, { ":path": "/" })));
    for (const { status } of [...(await round()), ...(await round())]) expect(status).toBe(200);
    expect(client.gate.dialled.length).toBeLessThanOrEqual(12);
  });
});

describe("what a program may try", () => {
  test.each([
    ["another :authority", { ":authority": "evil.example" }, 421, "name-mismatch"],
    ["another Host beside it", { host: "evil.example" }, 421, "name-mismatch"],
    ["another port", { ":authority": "example.com:8443" }, 421, "name-mismatch"],
    ["a user", { ":authority": "me@example.com" }, 421, "name-mismatch"],
    ["another scheme", { ":scheme": "http" }, 421, "name-mismatch"],
    ["TRACE", { ":method": "TRACE" }, 405, "refused-method"],
    ["a method in lower case, which Node would send in upper case", { ":method": "get" }, 400, "malformed-request"],
    ["a fragment", { ":path": "/a#b" }, 400, "malformed-request"],
  ])("%s: is refused", async (_, headers, status, rule) => {
    await using client = await connect(modern);
    const got = await ask(client, { ":path": "/", ...headers });
    expect(got.status).toBe(status);
    expect(got.body).toContain(`by rule "${rule}"`);
    expect(client.gate.dialled).toEqual([]);
    await expect.poll(() => client.gate.decisions).toMatchObject([{ verdict: "Deny", rule }]);
  });

  test("CONNECT, also extended, is refused", async () => {
    await using client = await connect(modern);
    const stream = client.session.request({ ":method": "CONNECT", ":authority": "example.com:443" });
    expect((await gotOf(stream)).status).toBe(403);
    expect(client.gate.dialled).toEqual([]);
  });

  test("requests that are taken back at once, by thousands, end the connection and leave others alone", async () => {
    await using client = await connect(modern);
    await using other = await connect(modern);
    await ask(other, { ":path": "/" });
    const ended = new Promise((resolve) => client.session.once("close", resolve));
    for (let round = 0; round < 200 && !client.session.destroyed && !client.session.closed; round++) {
      for (let count = 0; count < 100; count++) {
        const stream = client.session.request({ ":scheme": "https", ...own, ":path": "/" });
        stream.on("error", () => {});
        stream.close(http2.constants.NGHTTP2_CANCEL);
      }
      await new Promise(setImmediate);
    }
    await ended;
    expect((await ask(other, { ":path": "/" })).status).toBe(200);
    expect(client.gate.decisions.length).toBeLessThan(5_000);
  });

  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const settings = frame(4, 0, 0, Buffer.alloc(0));

  test.each([
    ["no settings", Buffer.concat([preface, Buffer.alloc(200, "garbage")])],
    [
      "a frame of a length that is not allowed",
      Buffer.concat([preface, settings, frame(0, 0, 1, Buffer.alloc(20_000))]),
    ],
    ["data for no stream", Buffer.concat([preface, settings, frame(0, 0, 1, Buffer.from("x"))])],
    ["headers that are no HPACK", Buffer.concat([preface, settings, frame(1, 5, 1, Buffer.alloc(50, 0xff))])],
    [
      "headers that never end",
      Buffer.concat([
        preface,
        settings,
        frame(1, 0, 1, Buffer.from([0x82])),
        ...Array.from({ length: 5_000 }, () => frame(9, 0, 1, Buffer.alloc(100))),
      ]),
    ],
    ["a settings frame of a wrong length", Buffer.concat([preface, frame(4, 0, 0, Buffer.alloc(5))])],
    [
      "pings without end",
      Buffer.concat([preface, settings, ...Array.from({ length: 20_000 }, () => frame(6, 0, 0, Buffer.alloc(8)))]),
    ],
    ["half a preface and the end", preface.subarray(0, 10)],
  ])("%s: ends the connection", async (name, bytes) => {
    await using gate = await startGate({
      scheme: "http",
      servers: { "example.com:80": cleartext },
      headTimeoutMs: 500,
    });
    const socket = net.connect(gate.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.resume();
    // Pings are answered, as long as somebody reads.
    if (name.startsWith("pings") || name.startsWith("half")) socket.end(bytes);
    else socket.write(bytes);
    await new Promise((resolve) => socket.once("close", resolve));
    await expect.poll(() => gate.programs.size).toBe(0);
    expect(gate.dialled).toEqual([]);
    expect(gate.decisions.length).toBeLessThanOrEqual(1);
  });
});
