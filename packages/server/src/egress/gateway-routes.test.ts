/** How connections leave: by the routes that a group has, in the gateway's real process. */
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { createServer } from "node:tls";
import type { EgressPolicy } from "@alcove/contract";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { waitFor } from "../lib/backoff.js";
import { issue, makeAuthority } from "./certificates/authority.js";
import { httpProxy, socksProxy, type TestProxy } from "./flow/proxy/proxy-test-kit.js";
import type { EgressSettings, UpstreamRoute } from "./gateway.js";
import { closeOf, echo, listen, loopback, settingsOf, startGateway, type TestGateway } from "./gateway-test-kit.js";

let kit: TestGateway;
let last = 0;

beforeAll(async () => {
  kit = await startGateway();
  const { agent } = await sandbox(by(undefined), {});
  await waitFor(() => agent.resolve("far.test").catch(() => undefined), AbortSignal.timeout(60_000));
});
afterAll(() => kit[Symbol.asyncDispose]());

/** Allows far.test with any scheme, by the route. */
const by = (route: string | undefined): EgressPolicy => ({
  defaultAction: "Deny",
  rules: [
    { name: "far", match: { host: "far.test", scheme: "any" }, action: { type: "Allow" }, ...(route && { route }) },
    {
      name: "local",
      match: { host: "*.localhost", scheme: "any" },
      action: { type: "Allow" },
      ...(route && { route }),
    },
    { name: "near", match: { host: "127.0.0.1", scheme: "any" }, action: { type: "Allow" }, ...(route && { route }) },
  ],
});

async function sandbox(policy: EgressPolicy, more: Partial<EgressSettings>) {
  const id = `sandbox-${++last}`;
  await kit.gateway.apply(id, settingsOf(policy, more));
  return { id, agent: await kit.agent(id) };
}

const proxyAt = (scheme: string, port: number, more: object = {}): UpstreamRoute => ({
  ...{ type: "Proxy", url: `${scheme}://127.0.0.1:${port}`, certificates: "" },
  ...more,
});

async function exchange({ agent }: Awaited<ReturnType<typeof sandbox>>, port: number): Promise<string> {
  const stream = await agent.connect(`${await agent.resolve("far.test")}:${port}`);
  stream.end("\0hello");
  return await text(stream).catch(() => "reset");
}

const credentials = { username: "ann", password: "s3cret:with colon" };
const asText = "ann:s3cret:with colon";
const kinds: [string, string, TestProxy, object][] = [
  ["HTTP", "http", httpProxy(), {}],
  ["HTTP with a password", "http", httpProxy(asText), { credentials }],
  ["SOCKS 5", "socks5", socksProxy(), {}],
  ["SOCKS 5 with a password", "socks5", socksProxy(asText), { credentials }],
];
test.each(kinds)("a rule's route leads by a proxy, which is told the name: %s", async (_kind, scheme, proxy, more) => {
  const [server, port] = [await listen(echo), await listen(proxy.serve)];
  const one = await sandbox(by("corp"), { routes: { corp: proxyAt(scheme, port, more) } });
  expect(await exchange(one, server)).toBe("\0hello");
  expect(proxy.asked).toEqual([`far.test:${server}`]);
  const told = await kit.decision(one.id, { protocol: "tcp" });
  expect(told).toMatchObject({ verdict: "Allow", rule: "far", bytesSent: 6, bytesReceived: 6 });
  expect(told).toMatchObject({ route: "corp", routeType: "Proxy" });
  expect(told.address).toBeUndefined();
});

test("by an HTTPS proxy, whose certificate is verified, and whose end is no end of the gateway's process", async () => {
  const authority = await makeAuthority("proxies");
  const { certificate, key } = await issue(authority, "127.0.0.1");
  const proxy = httpProxy();
  const front = createServer({ cert: certificate, key, allowHalfOpen: true }, proxy.serve).listen(0, "127.0.0.1");
  await once(front, "listening");
  onTestFinished(() => void front.close());
  front.on("tlsClientError", () => {});
  const { port } = Object(front.address());
  const server = await listen(echo);
  const trusted = await sandbox(by("corp"), {
    routes: { corp: proxyAt("https", port, { certificates: authority.certificate }) },
  });
  expect(await exchange(trusted, server)).toBe("\0hello");
  const stream = await trusted.agent.connect(`${await trusted.agent.resolve("far.test")}:${server}`);
  stream.write("\0hello");
  await once(stream, "data");
  stream.destroy(new Error("reset"));
  await kit.decision(trusted.id, { bytesReceived: 6 });
  const strict = await sandbox(by("corp"), { routes: { corp: proxyAt("https", port) } });
  expect(await exchange(strict, server)).toBe("reset");
  const unreached = { verdict: "Deny", route: "corp", routeType: "Proxy" };
  expect(await kit.decision(strict.id, { rule: "unreachable" })).toMatchObject(unreached);
  expect(kit.workers).toHaveLength(1);
  expect(proxy.asked).toHaveLength(2);
});

test("requests of one connection leave each by its own route", async () => {
  const proxy = httpProxy();
  const server = await listen((socket) => {
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  });
  const match = { host: "far.test", scheme: "any" } as const;
  const policy: EgressPolicy = {
    defaultAction: "Deny",
    rules: [
      { name: "far", match: { ...match, path: "/far" }, action: { type: "Allow" }, route: "corp" },
      { name: "near", match, action: { type: "Allow" } },
    ],
    transportRules: loopback,
  };
  const routes = { corp: proxyAt("http", await listen(proxy.serve)) };
  const { id, agent } = await sandbox(policy, { routes, resolverOverrides: { "far.test": "127.0.0.1" } });
  const stream = await agent.connect(`${await agent.resolve("far.test")}:${server}`);
  for (const path of ["/", "/far", "/", "/far"]) {
    stream.write(`GET ${path} HTTP/1.1\r\nHost: far.test:${server}\r\n\r\n`);
    expect(String((await once(stream, "data"))[0])).toContain("200 OK");
  }
  // An override's address is sent in place of the name; and the connection by the proxy is used again.
  expect(proxy.asked).toEqual([`127.0.0.1:${server}`]);
  expect(await kit.decision(id, { path: "/far" })).toMatchObject({ rule: "far", address: "127.0.0.1", route: "corp" });
  const near = await kit.decision(id, { path: "/" });
  expect([near.rule, near.route, near.routeType]).toEqual(["near", undefined, "Direct"]);
  stream.close();
});

test("addresses are checked though a proxy would connect to them, and a host's own names too", async () => {
  const proxy = httpProxy();
  const { id, agent } = await sandbox(by("corp"), { routes: { corp: proxyAt("http", await listen(proxy.serve)) } });
  for (const host of ["127.0.0.1", await agent.resolve("a.localhost")]) {
    const stream = await agent.connect(`${host}:80`);
    stream.resume().end("\0hello");
    await closeOf(stream);
  }
  expect(await kit.decision(id, { host: "127.0.0.1" })).toMatchObject({ rule: "forbidden-address" });
  expect(await kit.decision(id, { host: "a.localhost" })).toMatchObject({ rule: "forbidden-address" });
  expect(proxy.asked).toEqual([]);
});

test("the group's default route is taken where no rule says another, and one that is not there leads nowhere", async () => {
  const proxy = socksProxy();
  const server = await listen(echo);
  const routes = { corp: proxyAt("socks5", await listen(proxy.serve)) };
  const usual = await sandbox(by(undefined), { routes, defaultRoute: "corp" });
  expect(await exchange(usual, server)).toBe("\0hello");
  expect(await kit.decision(usual.id, { rule: "far" })).toMatchObject({ route: "corp", routeType: "Proxy" });
  expect(proxy.asked).toHaveLength(1);
  for (const [policy, more] of [
    [by("gone"), { routes }],
    [by(undefined), { routes, defaultRoute: "gone" }],
    [by("constructor"), { routes }],
  ] as const) {
    const one = await sandbox(policy, { ...more, resolverOverrides: { "far.test": "127.0.0.1" } });
    expect(await exchange(one, server)).toBe("reset");
    expect(await kit.decision(one.id, { rule: "no-route" })).toMatchObject({ verdict: "Deny", host: "far.test" });
  }
});

test("an interface is connected from by an address of its own, and one that is not there leads nowhere", async () => {
  const from: (string | undefined)[] = [];
  const server = await listen((socket) => {
    from.push(socket.remoteAddress);
    echo(socket);
  });
  const policy = { ...by("wire"), transportRules: loopback };
  const here = { resolverOverrides: { "far.test": "127.0.0.1" } };
  const one = await sandbox(policy, { ...here, routes: { wire: { type: "Interface", name: "lo" } } });
  expect(await exchange(one, server)).toBe("\0hello");
  expect(from).toEqual(["127.0.0.1"]);
  expect(await kit.decision(one.id, { rule: "far" })).toMatchObject({ route: "wire", routeType: "Interface" });
  const other = await sandbox(policy, { ...here, routes: { wire: { type: "Interface", name: "gone0" } } });
  expect(await exchange(other, server)).toBe("reset");
  expect(await kit.decision(other.id, { rule: "no-route" })).toMatchObject({ verdict: "Deny" });
});

test("a change of the routes ends what goes another way than is said now, and nothing else", async () => {
  const server = await listen(echo);
  const corp = proxyAt("http", await listen(httpProxy().serve));
  const { id, agent } = await sandbox(by("corp"), { routes: { corp } });
  const open = async () => {
    const stream = await agent.connect(`${await agent.resolve("far.test")}:${server}`);
    stream.write("\0hello");
    await once(stream, "data");
    return stream.resume();
  };
  const stream = await open();
  await kit.gateway.apply(id, settingsOf(by("corp"), { routes: { corp, other: { type: "Direct" } } }));
  stream.write("still here");
  await once(stream, "data");
  await Promise.all([
    closeOf(stream),
    kit.gateway.apply(
      id,
      settingsOf(by("corp"), { routes: { corp: { ...corp, certificates: " " } as UpstreamRoute } }),
    ),
  ]);
  expect(await kit.decision(id, { rule: "no-route" })).toMatchObject({ verdict: "Deny" });
});

test("a change of the routes resets the request that is under way by one that leads elsewhere now, and no other", async () => {
  const server = await listen((socket) => {
    // An answer without end.
    socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst"));
  });
  const corp = proxyAt("http", await listen(httpProxy().serve));
  const { id, agent } = await sandbox(by("corp"), { routes: { corp } });
  const stream = await agent.connect(`${await agent.resolve("far.test")}:${server}`);
  stream.write(`GET / HTTP/1.1\r\nHost: far.test:${server}\r\n\r\n`);
  let got = "";
  stream.on("data", (chunk) => {
    got += chunk;
  });
  await waitFor(() => got.endsWith("first") || undefined, AbortSignal.timeout(15_000));
  await kit.gateway.apply(id, settingsOf(by("corp"), { routes: { corp, other: { type: "Direct" } } }));
  expect([stream.closed, kit.told.filter(([sandboxId]) => sandboxId === id)]).toEqual([false, []]);
  const elsewhere = proxyAt("http", await listen(httpProxy().serve));
  await Promise.all([closeOf(stream), kit.gateway.apply(id, settingsOf(by("corp"), { routes: { corp: elsewhere } }))]);
  expect(await kit.decision(id, { rule: "no-route" })).toMatchObject({ verdict: "Deny", path: "/" });
});
