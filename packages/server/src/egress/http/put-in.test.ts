/** Values on their way to real servers: which requests have them, and that nothing else learns of them. */
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { text } from "node:stream/consumers";
import tls from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { issue } from "../certificates/authority.js";
import {
  closed,
  type Gate,
  type GateOptions,
  groupAuthority,
  listening,
  portOf,
  serverAuthority,
  startGate,
} from "./flow-test-kit.js";

const placeholder = "alcove-placeholder-0001";
const placed = [{ text: placeholder, value: "s3cret-value", source: "the secret one" }];
const seen: string[] = [];
const servers: (http.Server | http2.Http2SecureServer)[] = [];
const listener = (
  request: http.IncomingMessage | http2.Http2ServerRequest,
  response: http.ServerResponse | http2.Http2ServerResponse,
) => {
  seen.push(`${request.url} ${JSON.stringify(request.headers)}`);
  response.end();
};
let plain: http.Server;
let secure: http2.Http2SecureServer;

beforeAll(async () => {
  plain = await listening(http.createServer(listener));
  const { certificate: cert, key } = await issue(serverAuthority, "example.com");
  secure = await listening(http2.createSecureServer({ cert, key, allowHTTP1: true }, listener));
  secure.on("upgrade", (request, socket) => {
    seen.push(`${request.url} ${JSON.stringify(request.headers)}`);
    socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  });
  servers.push(plain, secure);
});
afterAll(async () => {
  plain.closeAllConnections();
  await Promise.all(servers.map(closed));
});

const path = `/a/${placeholder}?key=${placeholder}`;
const headers = { Host: "example.com", Authorization: `Basic ${btoa(`me:${placeholder}`)}`, "X-Key": placeholder };

async function ask(gate: Gate, scheme: "http" | "https", more: http.RequestOptions = {}): Promise<string> {
  const client = scheme === "http" ? http : https;
  const trust = { ca: groupAuthority.certificate, servername: "example.com" };
  return await new Promise((resolve, reject) => {
    const request = client.request({
      host: "127.0.0.1",
      port: gate.port,
      agent: false,
      path,
      headers,
      ...trust,
      ...more,
    });
    request.on("response", async (response) => resolve(`${response.statusCode} ${await text(response)}`));
    request.on("error", reject).end();
  });
}

async function withGate(options: Partial<GateOptions>, use: (gate: Gate) => Promise<void>): Promise<string> {
  seen.length = 0;
  const known = { "example.com:80": plain, "example.com:443": secure, "other.test:443": secure };
  await using gate = await startGate({ scheme: "https", servers: known, placed, ...options });
  await use(gate);
  await expect.poll(() => gate.decisions.length).toBeGreaterThan(0);
  expect(JSON.stringify(gate.decisions)).not.toContain("s3cret");
  return seen.join("\n");
}

const isPutIn = (request: string) => {
  expect(request).toContain(`/a/${placeholder}?key=s3cret-value`);
  expect(request).toContain(`"x-key":"s3cret-value"`);
  expect(request).toContain(`"authorization":"Basic ${btoa("me:s3cret-value")}"`);
};

test("a request in TLS that is opened has the value in place of its placeholder; its path has not", async () => {
  isPutIn(await withGate({}, async (gate) => void expect(await ask(gate, "https")).toBe("200 ")));
});

test("in HTTP/2 too", async () => {
  const request = await withGate({}, async (gate) => {
    const connection = { host: "127.0.0.1", port: gate.port, servername: "example.com", ALPNProtocols: ["h2"] };
    const createConnection = () => tls.connect({ ...connection, ca: groupAuthority.certificate });
    const session = http2.connect("https://example.com", { createConnection });
    const { Host, ...rest } = headers;
    const stream = session.request({ ":path": path, ":authority": Host, ...rest });
    await text(stream);
    session.destroy();
  });
  isPutIn(request);
});

test("and one that asks for a WebSocket", async () => {
  const upgrade = { ...headers, Connection: "Upgrade", Upgrade: "websocket" };
  const request = await withGate({}, async (gate) => {
    await new Promise<void>((resolve, reject) => {
      const trust = { ca: groupAuthority.certificate, servername: "example.com" };
      const request = https.request({
        host: "127.0.0.1",
        port: gate.port,
        agent: false,
        path,
        headers: upgrade,
        ...trust,
      });
      request.on("upgrade", (_response, socket) => {
        socket.destroy();
        resolve();
      });
      request.on("error", reject).end();
    });
  });
  isPutIn(request);
});

const anyHost = { host: "*", scheme: "any" as const };
const rewrite = (change: object): NonNullable<GateOptions["policy"]> => ({
  defaultAction: "Deny",
  rules: [{ name: "elsewhere", match: anyHost, action: { type: "Rewrite", ...change } }],
});

test.each([
  ["is sent to another host", rewrite({ host: "other.test" })],
  ["goes on in plain HTTP", rewrite({ scheme: "http" })],
  ["is denied, and goes through in Audit mode", { defaultAction: "Deny", enforcementMode: "Audit" } as const],
])("one that %s has the placeholder still", async (_, policy) => {
  const { certificate: cert, key } = await issue(serverAuthority, "other.test");
  const other = await listening(https.createServer({ cert, key }, listener));
  servers.push(other);
  const known = { "example.com:80": plain, "example.com:443": secure, "other.test:443": other };
  const request = await withGate({ policy, servers: known }, async (gate) => void (await ask(gate, "https")));
  expect(request).toContain(placeholder);
  expect(request).not.toContain("s3cret");
});

test("nor does one in plain HTTP have the value, though it is sent on over TLS", async () => {
  const policy = rewrite({ scheme: "https" });
  const request = await withGate({ scheme: "http", policy }, async (gate) => void (await ask(gate, "http")));
  expect(request).toContain(placeholder);
  expect(request).not.toContain("s3cret");
});

test("a value that cannot be put in refuses the request, by a rule of its own", async () => {
  const values = [{ ...placed[0], text: placeholder, source: "the secret one", value: "s3cret\nX-Other: 1" }];
  const request = await withGate({ placed: values }, async (gate) => {
    const refused = await ask(gate, "https");
    expect(refused).toMatch(/^502 .*"no-value": the secret one cannot stand in a header.*\n.*has to set it again/);
  });
  expect(request).toBe("");
});

const bound = { values: { github: "s3cret" }, valueHosts: { github: ["example.com"] } };
const signed = (change: object): NonNullable<GateOptions["policy"]> => {
  const headers = [{ operation: "Set" as const, name: "X-Signed", valueRef: { secretRef: { secretId: "github" } } }];
  const match = { host: "*", scheme: "https" as const };
  const action = { type: "Rewrite" as const, headers, ...change };
  return { defaultAction: "Deny", rules: [{ name: "signed", match, action }] };
};

test("a header's value that has hosts goes to them", async () => {
  const request = await withGate({ ...bound, policy: signed({ path: "/b" }) }, async (gate) => {
    expect(await ask(gate, "https")).toBe("200 ");
  });
  expect(request).toContain(`"x-signed":"s3cret"`);
});

test("and not to another one that a rule sends the request to: that is refused", async () => {
  const { certificate: cert, key } = await issue(serverAuthority, "other.test");
  const other = await listening(https.createServer({ cert, key }, listener));
  servers.push(other);
  const known = { "other.test:443": other };
  const request = await withGate({ ...bound, policy: signed({ host: "other.test" }), servers: known }, async (gate) => {
    const refused = await ask(gate, "https");
    expect(refused).toMatch(
      /^502 .*"no-value": the secret github goes to its own hosts alone, not to other\.test.*\n.*add the host/,
    );
    await expect.poll(() => gate.decisions).toMatchObject([{ verdict: "Deny", rule: "no-value" }]);
  });
  expect(request).toBe("");
});

test("what is in force when the request is sent counts, not when it was dialled", async () => {
  const valueHosts = { github: ["example.com"] as string[] };
  let dials = 0;
  const policy = signed({ path: "/b" });
  const dial: GateOptions["dial"] = async () => {
    dials++;
    valueHosts.github.splice(0, 1, "elsewhere.test");
    return await new Promise((resolve) => {
      const socket = tls.connect({ port: portOf(secure), ca: serverAuthority.certificate, servername: "example.com" });
      socket.on("secureConnect", () => resolve(socket));
    });
  };
  const request = await withGate({ ...bound, valueHosts, policy, dial }, async (gate) => {
    expect(await ask(gate, "https")).toMatch(/^502 .*"no-value"/);
  });
  expect(dials).toBe(1);
  expect(request).toBe("");
});

test("a secret that is put while a token is waited for goes as what it is then", async () => {
  const values = { github: "s3cret-before" };
  const waitForTokens = async () => {
    values.github = "s3cret-now";
  };
  const request = await withGate({ values, waitForTokens, policy: signed({ path: "/b" }) }, async (gate) => {
    expect(await ask(gate, "https")).toBe("200 ");
  });
  expect(request).toContain(`"x-signed":"s3cret-now"`);
});
