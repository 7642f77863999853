/** TLS and HTTP through the gateway's real process: by the name that DNS, TLS and the request agree on. */
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer, request as secureRequest } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { connect, createServer, type TLSSocket } from "node:tls";
import type { EgressPolicy } from "@alcove/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { issue, makeAuthority } from "./certificates/authority.js";
import { closeOf, echo, listen, loopback, settingsOf, startGateway, type TestGateway } from "./gateway-test-kit.js";

const upstream = await makeAuthority("upstream");
const { certificate: cert, key } = await issue(upstream, "www.example.com");
let kit: TestGateway;
let last = 0;

beforeAll(async () => {
  kit = await startGateway();
});
afterAll(() => kit[Symbol.asyncDispose]());

async function sandbox(policy: Omit<EgressPolicy, "defaultAction">) {
  const id = `sandbox-${++last}`;
  const overrides = { "www.example.com": "127.0.0.1", "other.example.com": "127.0.0.1" };
  const settings = settingsOf(
    { defaultAction: "Deny", transportRules: loopback, ...policy },
    { resolverOverrides: overrides, upstreamCertificates: upstream.certificate },
  );
  await kit.gateway.apply(id, settings);
  const agent = await kit.agent(id);
  const to = async (name: string, port: number) => await agent.connect(`${await agent.resolve(name)}:${port}`);
  return { id, agent, to };
}

/** A server for TLS, as one for plain connections. */
const listenTls = (serve: (socket: TLSSocket) => void) => {
  const server = createServer({ cert, key }, serve).on("tlsClientError", () => {});
  return listen((socket) => void server.emit("connection", socket));
};

async function secured(stream: Duplex, servername: string, ca: string): Promise<TLSSocket> {
  const socket = connect({ socket: stream, servername, ca });
  await once(socket, "secureConnect");
  return socket;
}

const onlyWww = { hostRules: [{ pattern: "www.example.com", action: "Allow" as const }] };

test("TLS to an allowed name goes through untouched, and its server's own certificate is seen", async () => {
  const port = await listenTls(echo);
  const { id, to } = await sandbox(onlyWww);
  const socket = await secured(await to("www.example.com", port), "www.example.com", upstream.certificate);
  socket.end("hello");
  expect(await text(socket)).toBe("hello");
  expect(await kit.decision(id, { protocol: "https" })).toMatchObject({
    ...{ host: "www.example.com", port, verdict: "Allow", rule: "hostRules[0]", address: "127.0.0.1" },
  });
});

test.each([
  ["another name", "other.example.com"],
  ["no name", ""],
])("TLS that says %s than its address stands for is reset", async (_, servername) => {
  const port = await listenTls(echo);
  const { id, to } = await sandbox({ hostRules: [{ pattern: "*.example.com", action: "Allow" }] });
  const stream = await to("www.example.com", port);
  const socket = connect({ socket: stream, servername, rejectUnauthorized: false }).on("error", () => {});
  await closeOf(stream);
  socket.destroy();
  expect(await kit.decision(id, { protocol: "https" })).toMatchObject({ verdict: "Deny", rule: "name-mismatch" });
});

test("an address that stands for nothing, and a name that leads to a private address, are not connected to", async () => {
  const port = await listenTls(echo);
  const { id, agent, to } = await sandbox({ ...onlyWww, transportRules: { rules: [] } });
  const unknown = await agent.connect(`198.18.77.7:${port}`);
  await closeOf(unknown);
  expect(await kit.decision(id, { rule: "unknown-name" })).toMatchObject({ verdict: "Deny" });
  const stream = await to("www.example.com", port);
  connect({ socket: stream, servername: "www.example.com", ca: upstream.certificate }).on("error", () => {});
  await closeOf(stream);
  expect(await kit.decision(id, { rule: "forbidden-address" })).toMatchObject({ host: "www.example.com" });
});

test("where a rule needs the path TLS is opened with the group's authority, and each request is decided", async () => {
  const server = createHttpsServer({ cert, key }, (asked, answer) => void answer.end(`server saw ${asked.url}`));
  const port = await listen((socket: Socket) => void server.emit("connection", socket));
  const match = { host: "www.example.com", path: "/allowed/**" };
  const { id, to } = await sandbox({ rules: [{ name: "paths", match, action: { type: "Allow" } }] });
  const get = async (path: string) => {
    const socket = await secured(await to("www.example.com", port), "www.example.com", kit.authority);
    const call = secureRequest({ createConnection: () => socket, headers: { host: `www.example.com:${port}` }, path });
    const [response] = await once(call.end(), "response");
    return { status: response.statusCode, body: await text(response) };
  };
  expect(await get("/allowed/x")).toEqual({ status: 200, body: "server saw /allowed/x" });
  expect(await get("/secret")).toMatchObject({ status: 403, body: expect.stringContaining("denied") });
  expect(await kit.decision(id, { path: "/allowed/x" })).toMatchObject({ verdict: "Allow", rule: "paths" });
  expect(await kit.decision(id, { path: "/secret" })).toMatchObject({ verdict: "Deny", method: "GET" });
});

test("plain HTTP is served request by request, on every port, and one after a long silence too", async () => {
  const server = createHttpServer((_, answer) => void answer.end("hello"));
  const port = await listen((socket: Socket) => void server.emit("connection", socket));
  const match = { host: "www.example.com", scheme: "http" as const };
  const { to } = await sandbox({ rules: [{ name: "plain", match, action: { type: "Allow" } }] });
  const get = async (delayMs: number) => {
    const stream = await to("www.example.com", port);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    stream.write(`GET / HTTP/1.1\r\nHost: www.example.com:${port}\r\nConnection: close\r\n\r\n`);
    return await text(stream);
  };
  expect(await get(0)).toMatch(/^HTTP\/1.1 200 OK.+\r\n\r\nhello$/s);
  expect(await get(600)).toMatch(/hello$/);
});

test("a program that is silent first does not get round what is denied to TLS", async () => {
  let connections = 0;
  const port = await listenTls(() => connections++);
  const { id, to } = await sandbox({
    rules: [
      { name: "no-tls", match: { host: "www.example.com", scheme: "https" }, action: { type: "Deny" } },
      { name: "tcp", match: { host: "www.example.com", scheme: "tcp" }, action: { type: "Allow" } },
    ],
  });
  const stream = await to("www.example.com", port);
  await new Promise((resolve) => setTimeout(resolve, 600));
  connect({ socket: stream, servername: "www.example.com", ca: upstream.certificate }).on("error", () => {});
  await closeOf(stream);
  expect(connections).toBe(0);
  expect(await kit.decision(id, { protocol: "https" })).toMatchObject({ verdict: "Deny", rule: "no-tls" });
});
