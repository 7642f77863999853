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
import type { EgressSettings } from "./gateway.js";
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

test("TLS to where a value may be put in is opened, and the value is in force no longer than the settings say", async () => {
  const server = createHttpsServer({ cert, key }, ({ headers }, answer) => void answer.end(`saw ${headers["x-key"]}`));
  const port = await listen((socket: Socket) => void server.emit("connection", socket));
  const { id, to } = await sandbox({});
  const policy: EgressPolicy = { defaultAction: "Deny", transportRules: loopback, ...onlyWww };
  const text1 = "alcove-placeholder-0001";
  const apply = async (more: Partial<EgressSettings>) => {
    const placeholders = [{ text: text1, secret: "one", hosts: ["*.EXAMPLE.com"] }];
    const known = { resolverOverrides: { "www.example.com": "127.0.0.1" }, upstreamCertificates: upstream.certificate };
    await kit.gateway.apply(id, settingsOf(policy, { ...known, secrets: { one: "v4lue" }, placeholders, ...more }));
  };
  const get = async (authority: string) => {
    const socket = await secured(await to("www.example.com", port), "www.example.com", authority);
    const headers = { host: `www.example.com:${port}`, "x-key": text1 };
    const [response] = await once(
      secureRequest({ createConnection: () => socket, headers, path: "/" }).end(),
      "response",
    );
    return await text(response);
  };
  await apply({});
  expect(await get(kit.authority)).toBe("saw v4lue");
  await apply({ secrets: { one: "r0tated" } });
  expect(await get(kit.authority)).toBe("saw r0tated");
  // A server that shows what it was sent; shorter ones could be anything.
  await apply({ secrets: { one: "a-l0nger-value" } });
  expect(await get(kit.authority)).toBe(`saw ${"*".repeat(14)}`);
  await apply({ placeholders: [{ text: text1, secret: "one", hosts: ["other.example.com"] }] });
  expect(await get(upstream.certificate)).toBe(`saw ${text1}`);
  const untouched = await to("www.example.com", port);
  (await secured(untouched, "www.example.com", upstream.certificate)).on("error", () => {});
  const over = closeOf(untouched);
  await apply({});
  await over;
  await apply({ secrets: {} });
  expect(await get(upstream.certificate)).toBe(`saw ${text1}`);
});

test("one sandbox's placeholder stands for nothing in another's requests", async () => {
  const server = createHttpsServer({ cert, key }, ({ headers }, answer) => void answer.end(`saw ${headers["x-key"]}`));
  const port = await listen((socket: Socket) => void server.emit("connection", socket));
  const known = { resolverOverrides: { "www.example.com": "127.0.0.1" }, upstreamCertificates: upstream.certificate };
  const policy: EgressPolicy = { defaultAction: "Deny", transportRules: loopback, ...onlyWww };
  const has = async (placeholder: string) => {
    const { id, to } = await sandbox({});
    const placeholders = [{ text: placeholder, secret: "one", hosts: ["www.example.com"] }];
    await kit.gateway.apply(id, settingsOf(policy, { ...known, secrets: { one: "v4lue" }, placeholders }));
    return async (sent: string) => {
      const socket = await secured(await to("www.example.com", port), "www.example.com", kit.authority);
      const headers = { host: `www.example.com:${port}`, "x-key": sent };
      const call = secureRequest({ createConnection: () => socket, headers, path: "/" }).end();
      return await text((await once(call, "response"))[0]);
    };
  };
  const [first, second] = [await has("alcove-placeholder-first"), await has("alcove-placeholder-second")];
  expect(await first("alcove-placeholder-first")).toBe("saw v4lue");
  for (const [send, other] of [
    [first, "second"],
    [second, "first"],
  ] as const)
    expect(await send(`alcove-placeholder-${other}`)).toBe(`saw alcove-placeholder-${other}`);
});

test("a header's value that has hosts is sent to those alone by the gateway's process too", async () => {
  const server = createHttpsServer(
    { cert, key },
    ({ headers }, answer) => void answer.end(`${headers["x-key"]?.length}`),
  );
  const port = await listen((socket: Socket) => void server.emit("connection", socket));
  const { id, to } = await sandbox({});
  const headers = [{ operation: "Set" as const, name: "X-Key", valueRef: { secretRef: { secretId: "one" } } }];
  const match = { host: "www.example.com", scheme: "https" as const };
  const rules = [{ name: "signed", match, action: { type: "Transform" as const, headers } }];
  const known = { resolverOverrides: { "www.example.com": "127.0.0.1" }, upstreamCertificates: upstream.certificate };
  const policy: EgressPolicy = { defaultAction: "Deny", transportRules: loopback, rules };
  const getWith = async (secretHosts: Record<string, string[]>) => {
    await kit.gateway.apply(id, settingsOf(policy, { ...known, secrets: { one: "v4lue" }, secretHosts }));
    const socket = await secured(await to("www.example.com", port), "www.example.com", kit.authority);
    const host = `www.example.com:${port}`;
    const request = secureRequest({ createConnection: () => socket, headers: { host }, path: "/" }).end();
    const [response] = await once(request, "response");
    return await text(response);
  };
  expect(await getWith({ one: ["www.example.com"] })).toBe("5");
  expect(await getWith({ one: ["other.example.com"] })).toContain("the secret one goes to its own hosts alone");
  expect(await kit.decision(id, { rule: "no-value" })).toMatchObject({ verdict: "Deny" });
  expect(await getWith({})).toBe("5");
});

test("an endpoint is reached as every server is: at addresses that the policy permits, with a certificate for its name", async () => {
  const told: unknown[] = [];
  const server = createHttpsServer({ cert, key }, async (asked, answer) => {
    if (asked.url === "/decide") told.push(JSON.parse(await text(asked)));
    answer.end(asked.url === "/decide" ? '{"action":{"type":"Allow"}}' : "fine");
  });
  const port = await listen((socket: Socket) => void server.emit("connection", socket));
  const elsewhere = await listen((socket: Socket) => void server.emit("connection", socket));
  const get = async (endpoint: string) => {
    const rules = [
      { name: "ask", match: { host: "www.example.com" }, hookRef: { endpoint: `https://${endpoint}/decide` } },
    ];
    const permitted = { rules: [{ action: "Allow", protocol: "Tcp", destination: "127.0.0.0/8", port } as const] };
    const { id, to } = await sandbox({ rules, transportRules: permitted });
    const socket = await secured(await to("www.example.com", port), "www.example.com", kit.authority);
    const headers = { host: `www.example.com:${port}` };
    const [response] = await once(
      secureRequest({ createConnection: () => socket, headers, path: "/" }).end(),
      "response",
    );
    const { reason } = await kit.decision(id, { rule: "ask" }).finally(() => socket.destroy());
    return { id, status: response.statusCode, reason };
  };
  const asked = await get(`www.example.com:${port}`);
  expect([asked.status, told]).toEqual([
    200,
    [expect.objectContaining({ sandboxId: asked.id, group: "default", path: "/" })],
  ]);
  const refused = await get(`www.example.com:${elsewhere}`);
  expect(refused).toMatchObject({
    status: 403,
    reason: expect.stringContaining("127.0.0.1, which nothing is sent to"),
  });
  const other = await get(`other.example.com:${port}`);
  expect(other).toMatchObject({ status: 403, reason: expect.stringContaining("TLS with other.example.com failed") });
  expect(told).toHaveLength(1);
});

test("what an endpoint lets through goes no further than the policy's addresses, as it is and to where the endpoint sends it", async () => {
  let says = "";
  let arrived = 0;
  const server = createHttpsServer({ cert, key }, (asked, answer) => {
    if (asked.url !== "/decide") arrived++;
    answer.end(asked.url === "/decide" ? says : "fine");
  });
  const asked = await listen((socket: Socket) => void server.emit("connection", socket));
  const forbidden = await listen((socket: Socket) => void server.emit("connection", socket));
  const hookRef = { endpoint: `https://www.example.com:${asked}/decide` };
  const rules = [{ name: "ask", match: { host: "*.example.com" }, hookRef }];
  const permitted = { rules: [{ action: "Allow", protocol: "Tcp", destination: "127.0.0.0/8", port: asked } as const] };
  const { id, to } = await sandbox({ rules, transportRules: permitted });
  const get = async (port: number) => {
    const socket = await secured(await to("www.example.com", port), "www.example.com", kit.authority);
    const headers = { host: `www.example.com:${port}` };
    const call = secureRequest({ createConnection: () => socket, headers, path: "/" }).end();
    const [response] = await once(call, "response");
    socket.destroy();
    return response.statusCode;
  };
  says = '{"action":{"type":"Allow"}}';
  expect([await get(asked), await get(forbidden)]).toEqual([200, 403]);
  says = '{"action":{"type":"Rewrite","host":"10.0.0.1"}}';
  expect([await get(asked), arrived]).toEqual([403, 1]);
  expect(await kit.decision(id, { rule: "forbidden-address" })).toMatchObject({ verdict: "Deny" });
});
