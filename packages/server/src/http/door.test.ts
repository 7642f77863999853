/** Which names and which web pages come through: over real TCP, in the clear and with TLS. */
import { once } from "node:events";
import { request } from "node:https";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { temporaryDirectory } from "../store/test-record.js";
import { tlsIdentity } from "../tls-identity.js";
import { ask, createSandbox, type Served, serve } from "./serve-for-tests.js";

let served: Served;
let port: number;
let key: string;
const page = "https://app.example.com";
beforeAll(async () => {
  served = await serve();
  port = await served.openTcp({ allowedHosts: ["alcove.example.com"], trustedOrigins: [page] });
  const body = { name: "test", isAdmin: true };
  key = String((await ask(served.socketPath, "/v1/keys", { method: "POST", body })).json.key);
});
afterAll(() => served[Symbol.asyncDispose]());

const withHeaders = (headers: Record<string, string>) =>
  ask(port, "/v1/whoami", { headers: { authorization: `Bearer ${key}`, ...headers } });

test.each(["127.0.0.1", "localhost:80", "[::1]:1", "LOCALHOST", "alcove.example.com:7443"])(
  "%s is a name of it",
  async (host) => {
    expect((await withHeaders({ host })).status).toBe(200);
  },
);

test.each(["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "a@localhost", "localhost:x"])(
  "under the name %j nobody gets in, key or not",
  async (host) => {
    expect((await withHeaders({ host })).json).toMatchObject({ code: "Forbidden", field: "host" });
  },
);

test("a page that is not trusted is refused, also with a key and for a WebSocket", async () => {
  for (const origin of ["https://evil.example", "null", `${page}.evil.example`, "http://app.example.com"]) {
    expect((await withHeaders({ origin })).json).toMatchObject({ code: "Forbidden", field: "origin" });
  }
  const { path } = await createSandbox(served.socketPath);
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}/exec/stream`, {
    origin: "https://evil.example",
    headers: { authorization: `Bearer ${key}` },
  });
  const [error] = await once(socket, "error");
  expect(String(error)).toContain("403");
});

test("a trusted page may read answers, is told so before it asks, and no cookie goes with it", async () => {
  const preflight = await ask(port, "/v1/whoami", {
    method: "OPTIONS",
    headers: { origin: page, "access-control-request-method": "GET" },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers).toMatchObject({
    "access-control-allow-origin": page,
    "access-control-allow-headers": expect.stringContaining("authorization"),
    vary: "origin",
  });
  const { status, headers } = await withHeaders({ origin: page });
  expect(status).toBe(200);
  expect(headers["access-control-allow-origin"]).toBe(page);
  expect(headers).not.toHaveProperty("access-control-allow-credentials");
  const refused = await ask(port, "/v1/whoami", { headers: { origin: page } });
  expect(refused.status).toBe(401);
  expect(refused.headers["access-control-allow-origin"]).toBe(page);
});

test("a page's WebSocket brings its key as a sub-protocol, which is not sent back", async () => {
  const { path } = await createSandbox(served.socketPath);
  const open = (protocols: string[]) =>
    new WebSocket(`ws://127.0.0.1:${port}${path}/exec/stream`, protocols, { origin: page });
  const socket = open(["alcove.v1", `alcove.bearer.${key}`]);
  await once(socket, "open");
  expect(socket.protocol).toBe("alcove.v1");
  socket.send(JSON.stringify({ type: "start", start: { args: ["true"] } }));
  const [first] = await once(socket, "message");
  expect(JSON.parse(String(first))).toMatchObject({ type: "started" });
  await once(socket, "close");
  const [error] = await once(open(["alcove.v1", "alcove.bearer.nonsense"]), "error");
  expect(String(error)).toContain("401");
});

test("with TLS the daemon shows its certificate, and does not speak in the clear", async () => {
  using directory = temporaryDirectory();
  const identity = await tlsIdentity({ dataDirectory: directory.path, given: undefined, names: [] });
  const secure = await served.openTcp({ tls: identity });
  const outgoing = request({
    port: secure,
    host: "127.0.0.1",
    path: "/v1/version",
    ca: identity.certificate,
    agent: false,
  });
  const [response] = await once(outgoing.end(), "response");
  expect(response.statusCode).toBe(200);
  expect(response.socket.getPeerCertificate().fingerprint256).toBe(identity.fingerprint);
  response.destroy();
  await expect(ask(secure, "/v1/version")).rejects.toThrow();
});
