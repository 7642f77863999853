/** Visitors by HTTP/2, over real TLS: the same programs, by one connection. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2, constants, type OutgoingHttpHeaders } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { issue, makeAuthority } from "../../egress/certificates/authority.js";
import { signPass } from "../signed-pass.js";
import { Connections } from "./connections.js";
import { Daemon } from "./daemon.js";
import type { Lines } from "./lines.js";
import { Routes } from "./routes.js";
import { listenForVisitors } from "./server.js";

const linkKey = Buffer.alloc(32, 7);

interface Options {
  readonly isOpen?: boolean;
  /** For a connection to the program. */
  readonly through?: (connection: Duplex) => Duplex;
}

async function previewOf(program: RequestListener, { isOpen = true, through = (socket) => socket }: Options = {}) {
  const server = createServer(program).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const connected = async () => {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    await once(socket, "connect");
    return through(socket);
  };
  const lines: Pick<Lines, "connect" | "visit"> = { connect: connected, visit: () => () => {} };
  const [routes, sandboxId, authority] = [new Routes(), randomUUID(), await makeAuthority("previews")];
  const opened = { port: 3000, ...(isOpen && { auth: { anonymous: true } }) };
  const put = (key: Buffer) => void routes.put(sandboxId, { ports: [opened], linkKey: key.toString("base64url") });
  put(linkKey);
  const port = await listenForVisitors({
    ...{ host: "127.0.0.1", port: 0, domain: "previews.example.com", trustedProxies: [] },
    ...{ routes, lines, connections: new Connections(lines), daemon: new Daemon(() => {}) },
    tls: await issue(authority, "*.previews.example.com"),
  });
  const name = `3000-${sandboxId}.previews.example.com`;
  const connectToo = () =>
    connectTls({ host: "127.0.0.1", port, servername: name, ca: authority.certificate, ALPNProtocols: ["h2"] });
  const session = connectHttp2(`https://${name}:${port}`, { createConnection: connectToo });
  onTestFinished(() => session.destroy());
  return {
    session,
    sandboxId,
    origin: `https://${name}:${port}`,
    connectToo,
    endLinks: () => put(Buffer.alloc(32, 8)),
  };
}

/** For a minute. */
function passTo(sandboxId: string): string {
  return signPass({ kind: "link", sandboxId, port: 3000, expiresAt: Math.floor(Date.now() / 1_000) + 60 }, linkKey);
}

async function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string) {
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  const answered = once(stream, "response");
  const said = text(stream);
  const [[seen], received] = await Promise.all([answered, said]);
  return { status: seen[":status"], headers: seen, text: received };
}

const tell: RequestListener = async (request, response) => {
  response.setHeader("set-cookie", ["a=1; Domain=example.com", "b=2"]);
  const { method, url, headers } = request;
  response.end(JSON.stringify({ method, url, headers, body: await text(request) }));
};

test("a request is the program's as by HTTP/1.1: host, path, cookies that came apart, and a body without a length", async () => {
  const { session, origin } = await previewOf(tell);
  const { host } = new URL(origin);
  const asked = {
    ":method": "POST",
    ":path": "/a%2Fb?q=%41",
    cookie: ["x=1", "alcove-preview=y", "z=3"],
    te: "trailers",
  };
  const seen = await ask(session, asked, "in some pieces");
  expect([seen.status, seen.headers["set-cookie"]]).toEqual([200, ["a=1", "b=2"]]);
  const { headers, ...rest } = JSON.parse(seen.text);
  expect(rest).toEqual({ method: "POST", url: "/a%2Fb?q=%41", body: "in some pieces" });
  expect(headers).toMatchObject({ host, cookie: "x=1; z=3", "x-forwarded-host": host, "x-forwarded-proto": "https" });
  expect(Object.keys(headers).filter((name) => name.startsWith(":") || name === "te")).toEqual([]);
});

test("answers without a body end, and several streams of one connection do not wait for each other", async () => {
  const { session } = await previewOf((request, response) => {
    if (request.url === "/never") return void response.write("begun");
    response.statusCode = request.url === "/nothing" ? 204 : 200;
    response.end();
  });
  const never = session.request({ ":path": "/never" });
  await once(never, "data");
  expect(await ask(session, { ":path": "/nothing" })).toMatchObject({ status: 204, text: "" });
  expect(await ask(session, { ":method": "HEAD", ":path": "/" })).toMatchObject({ status: 200, text: "" });
  expect(await ask(session, { ":path": "/not", ":authority": "x.previews.example.com" })).toMatchObject({
    status: 404,
  });
  never.close(constants.NGHTTP2_CANCEL);
});

test("a link is exchanged for a cookie", async () => {
  const { session, sandboxId, origin } = await previewOf(tell, { isOpen: false });
  const path = `/x?alcove-pass=${passTo(sandboxId)}`;
  const exchanged = await ask(session, { ":path": path, accept: "text/html", "sec-fetch-mode": "navigate" });
  expect([exchanged.status, exchanged.headers.location]).toEqual([303, `${origin}/x`]);
  const cookie = String(exchanged.headers["set-cookie"]).split(";")[0];
  const seen = await ask(session, { ":path": "/x", cookie });
  expect([seen.status, seen.text.includes("alcove-preview")]).toEqual([200, false]);
  expect(await ask(session, { ":path": "/x" })).toMatchObject({ status: 401 });
});

test("an answer that breaks off never looks whole, and what names two hosts is refused", async () => {
  const { session, origin } = await previewOf((_request, response) => {
    response.writeHead(200, { "content-length": 10 }).write("half");
    setImmediate(() => response.destroy());
  });
  await expect(ask(session, { ":path": "/" })).rejects.toThrow();
  const twice = { ":path": "/", ":authority": new URL(origin).host, host: "other.previews.example.com" };
  expect(await ask(session, twice)).toMatchObject({ status: 400 });
});

test("headers named as what objects have are headers, in requests and answers", async () => {
  const odd = ["constructor", "__proto__", "tostring"];
  const { session } = await previewOf((request, response) => {
    const seen = request.rawHeaders.filter((name) => odd.includes(name));
    response.writeHead(200, ["constructor", "a", "constructor", "b", "__proto__", "c", "x-seen", seen.join(" ")]).end();
  });
  const asked = Object.fromEntries([":path", ...odd].map((name) => [name, "/"]));
  const { status, headers } = await ask(session, asked);
  expect([status, headers["x-seen"]]).toEqual([200, "constructor __proto__ tostring"]);
  const got = Object.entries(headers).filter(([name]) => odd.includes(name));
  expect(got).toEqual([
    ["constructor", "a, b"],
    ["__proto__", "c"],
  ]);
});

test.each(["/begun", "/silent"])("%s: an answer to whom a link let in is cut at once when links end", async (path) => {
  const { session, sandboxId, endLinks } = await previewOf(
    (request, response) => {
      if (request.url === "/begun") response.write("begun");
      else endLinks();
    },
    { isOpen: false },
  );
  const stream = session.request({ ":path": `${path}?alcove-pass=${passTo(sandboxId)}` });
  stream.once("data", () => endLinks());
  await expect(once(stream, "close")).rejects.toThrow("NGHTTP2_INTERNAL_ERROR");
});

test("equal values of what HTTP/2 has once are one, lists are joined, and of two others the page names the header", async () => {
  const { session } = await previewOf((request, response) => {
    const type = ["content-type", "a/b", "content-type", request.url === "/equal" ? "a/b" : "c/d"];
    const sniff = ["x-content-type-options", "nosniff", "x-content-type-options", "nosniff"];
    const language = ["content-language", "en", "content-language", "de"];
    response.writeHead(200, [...type, ...sniff, ...language]).end("hi");
  });
  const { status, headers, text: said } = await ask(session, { ":path": "/equal" });
  expect([status, said, headers["content-type"]]).toEqual([200, "hi", "a/b"]);
  expect([headers["x-content-type-options"], headers["content-language"]]).toEqual(["nosniff", "en, de"]);
  const other = await ask(session, { ":path": "/other" });
  expect([other.status, JSON.parse(other.text).detail]).toEqual([
    502,
    "What came from port 3000 has two values of content-type: HTTP/2 takes one.",
  ]);
});

/** Sends as much as is taken, until the stream is closed. */
async function upload(session: ClientHttp2Session, asked: OutgoingHttpHeaders) {
  const stream = session.request({ ":method": "POST", ...asked });
  const send = () => void stream.write(Buffer.alloc(65_536), (error) => error ?? setImmediate(send));
  send();
  const closed = once(stream, "close");
  const [[seen], said] = await Promise.all([once(stream, "response"), text(stream)]);
  await closed;
  return { status: seen[":status"], text: said, code: stream.rstCode };
}

test("an upload that is refused, or that the program hangs up on, is taken no further than the answer", async () => {
  const { session } = await previewOf((request) => void request.socket.destroy());
  const name = { ":authority": "x.previews.example.com" };
  expect(await upload(session, { ":path": "/", ...name })).toMatchObject({ status: 404, code: 0 });
  expect(await upload(session, { ":path": "/" })).toMatchObject({ status: 502, code: 0 });
});

test("a program's answer counts though it takes no more of the request", async () => {
  const tooLarge = "HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 9\r\n\r\ntoo large";
  /** Answers the first that is said, and then breaks. */
  const through = (socket: Duplex) => {
    socket.destroy();
    const connection: Duplex = new Duplex({
      read() {},
      write(_bytes, _encoding, done) {
        connection.push(tooLarge);
        done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
      },
    });
    return connection;
  };
  const { session } = await previewOf(tell, { through });
  expect(await upload(session, { ":path": "/" })).toEqual({ status: 413, text: "too large", code: 0 });
});

test("who resets streams over and over ends their connection alone", async () => {
  const { session, origin, connectToo } = await previewOf(tell);
  session.on("error", () => {});
  for (let at = 0; at < 3_000 && !session.destroyed; at++) {
    const stream = session.request({ ":path": "/" });
    stream.on("error", () => {}).close(constants.NGHTTP2_CANCEL);
    if (at % 100 === 0) await new Promise(setImmediate);
  }
  const other = connectHttp2(origin, { createConnection: connectToo });
  onTestFinished(() => other.destroy());
  expect(await ask(other, { ":path": "/" })).toMatchObject({ status: 200 });
});
