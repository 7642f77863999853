/** Visitors by HTTP/2, over real TLS: the same programs, by one connection. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2, constants, type OutgoingHttpHeaders } from "node:http2";
import { type AddressInfo, connect } from "node:net";
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

async function previewOf(program: RequestListener, isOpen = true) {
  const server = createServer(program).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const connected = async () => {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    await once(socket, "connect");
    return socket;
  };
  const lines: Pick<Lines, "connect" | "visit"> = { connect: connected, visit: () => () => {} };
  const [routes, sandboxId, authority] = [new Routes(), randomUUID(), await makeAuthority("previews")];
  const opened = { port: 3000, ...(isOpen && { auth: { anonymous: true } }) };
  routes.put(sandboxId, { ports: [opened], linkKey: linkKey.toString("base64url") });
  const port = await listenForVisitors({
    ...{ host: "127.0.0.1", port: 0, domain: "previews.example.com", trustedProxies: [] },
    ...{ routes, lines, connections: new Connections(lines), daemon: new Daemon(() => {}) },
    tls: await issue(authority, "*.previews.example.com"),
  });
  const name = `3000-${sandboxId}.previews.example.com`;
  const socket = connectTls({
    host: "127.0.0.1",
    port,
    servername: name,
    ca: authority.certificate,
    ALPNProtocols: ["h2"],
  });
  const session = connectHttp2(`https://${name}:${port}`, { createConnection: () => socket });
  onTestFinished(() => session.destroy());
  return { session, sandboxId, origin: `https://${name}:${port}` };
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
  const { session, sandboxId, origin } = await previewOf(tell, false);
  const expiresAt = Math.floor(Date.now() / 1_000) + 60;
  const pass = signPass({ kind: "link", sandboxId, port: 3000, expiresAt }, linkKey);
  const path = `/x?alcove-pass=${pass}`;
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

test("what has no place in HTTP/2 is no answer: 502", async () => {
  const { session } = await previewOf((_request, response) => {
    response.socket?.end("HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ncontent-type: c/d\r\ncontent-length: 2\r\n\r\nhi");
  });
  expect(await ask(session, { ":path": "/" })).toMatchObject({ status: 502 });
});

test("who resets streams over and over ends their connection alone", async () => {
  const { session, origin } = await previewOf(tell);
  session.on("error", () => {});
  for (let at = 0; at < 3_000 && !session.destroyed; at++) {
    const stream = session.request({ ":path": "/" });
    stream.on("error", () => {}).close(constants.NGHTTP2_CANCEL);
    if (at % 100 === 0) await new Promise(setImmediate);
  }
  const { hostname, port } = new URL(origin);
  const socket = connectTls({
    host: "127.0.0.1",
    port: Number(port),
    servername: hostname,
    rejectUnauthorized: false,
    ALPNProtocols: ["h2"],
  });
  const other = connectHttp2(origin, { createConnection: () => socket });
  onTestFinished(() => other.destroy());
  expect(await ask(other, { ":path": "/" })).toMatchObject({ status: 200 });
});
