/** The audit log, rate limits and the end of what is under way, over real TCP. */
import { once } from "node:events";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import type { AuditRecord, CreatedKey } from "@alcove/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { ask, createSandbox, type Served, serve } from "./serve-for-tests.js";

let served: Served;
let port: number;
let sandbox: { id: string; path: string };
beforeAll(async () => {
  served = await serve();
  port = await served.openTcp();
  sandbox = await createSandbox(served.socketPath);
});
afterAll(() => served[Symbol.asyncDispose]());

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const by = (key: string, path: string, options: { method?: string; body?: unknown } = {}) =>
  ask(port, path, { ...options, headers: bearer(key) });
async function makeKey(body: object): Promise<CreatedKey> {
  const made = await ask(served.socketPath, "/v1/keys", { method: "POST", body: { name: "test", ...body } });
  return made.json as unknown as CreatedKey;
}
const member = (role: string, more: object = {}) => makeKey({ scopes: [{ group: "default", role }], ...more });
async function audit(query = "", of = "/v1/audit"): Promise<AuditRecord[]> {
  return JSON.parse((await ask(served.socketPath, `${of}${query}`)).text);
}

test("what changes something is on record with who, what, where and how it ended; reading is not", async () => {
  const { key, id } = await member("user", { name: "ci" });
  await by(key, sandbox.path);
  const exec = { method: "POST", body: { command: "echo", args: ["s3cret-argument"] } };
  const ran = await by(key, `${sandbox.path}/executeCommand`, exec);
  await by(key, `${sandbox.path}/executeCommand`, { method: "POST", body: { comand: "x" } });
  const records = await expect
    .poll(() => audit(`?caller=key:${id}`))
    .toHaveLength(2)
    .then(() => audit(`?caller=key:${id}`));
  expect(records[1]).toEqual({
    sequence: expect.any(Number),
    at: expect.any(String),
    principal: `key:${id}`,
    name: "ci",
    group: "default",
    endpoint: "executeCommand",
    target: { group: "default", id: sandbox.id },
    status: 200,
    requestId: ran.headers["x-request-id"],
    peer: "127.0.0.1",
  });
  expect(records[0]).toMatchObject({ status: 400 });
  expect(JSON.stringify(await audit())).not.toMatch(/s3cret|alc_/);
});

test("an export of a snapshot is on record, though it only reads: all that a sandbox had leaves with it", async () => {
  const { key, id } = await member("user");
  const taken = await ask(served.socketPath, `${sandbox.path}/snapshot`, { method: "POST", body: {} });
  const { id: snapshotId } = taken.json as { id: string };
  const path = `/v1/groups/default/snapshots/${snapshotId}`;
  await by(key, path);
  expect((await by(key, `${path}/archive`)).status).toBe(200);
  await expect
    .poll(() => audit(`?caller=key:${id}`))
    .toMatchObject([{ endpoint: "exportSnapshot", target: { group: "default", snapshotId }, status: 200 }]);
});

test("who gave whom which policy is on record, and not what is in it", async () => {
  const { key, id } = await member("owner");
  const secret = { operation: "Set", name: "x-team", value: "s3cret-header" };
  const transform = { name: "t", match: { host: "a.test" }, action: { type: "Transform", headers: [secret] } };
  const policy = { defaultAction: "Deny", rules: [transform] };
  await by(key, "/v1/groups/default/egressPolicies/web", { method: "PUT", body: { policy } });
  await by(key, `${sandbox.path}/egressPolicyId`, { method: "POST", body: { egressPolicyId: "web" } });
  await by(key, `${sandbox.path}/egresspolicy`, { method: "POST", body: policy });
  const target = { group: "default", id: sandbox.id };
  await expect
    .poll(() => audit(`?caller=key:${id}`))
    .toMatchObject([
      { endpoint: "setEgressPolicy", target, status: 200 },
      { endpoint: "setEgressPolicyId", target, status: 200 },
      { endpoint: "putEgressPolicy", target: { group: "default", egressPolicyId: "web" }, status: 200 },
    ]);
  expect(JSON.stringify(await audit())).not.toContain("s3cret-header");
});

test("a WebSocket is on record when it is over", async () => {
  const { key, id } = await member("user");
  const socket = new WebSocket(`ws://127.0.0.1:${port}${sandbox.path}/exec/stream`, { headers: bearer(key) });
  socket.on("open", () => socket.send(JSON.stringify({ type: "start", start: { args: ["true"] } })));
  await once(socket, "close");
  await expect.poll(() => audit(`?caller=key:${id}`)).toMatchObject([{ endpoint: "streamExec", status: 101 }]);
});

test("who is turned away is on record: for the group's owner in the own group, for the administrator elsewhere", async () => {
  const reader = await member("reader");
  const owner = await member("owner");
  await by(reader.key, sandbox.path, { method: "DELETE" });
  await by(reader.key, "/v1/groups/other/sandboxes");
  await expect.poll(() => audit(`?caller=key:${reader.id}`)).toHaveLength(2);
  const ofGroup = JSON.parse((await by(owner.key, "/v1/groups/default/audit")).text) as AuditRecord[];
  expect(ofGroup.find(({ principal }) => principal === `key:${reader.id}`)).toMatchObject({
    endpoint: "deleteSandbox",
    status: 403,
  });
  expect(ofGroup.filter(({ target }) => target.group === "other")).toEqual([]);
  expect((await by(reader.key, "/v1/groups/default/audit")).status).toBe(403);
});

test("refusals without number are counted: of a key beyond thirty, of callers that nobody knows all", async () => {
  await using own = await serve();
  const tcp = await own.openTcp();
  const body = { name: "x", scopes: [{ group: "default", role: "reader" }] };
  const { key, id } = (await ask(own.socketPath, "/v1/keys", { method: "POST", body })).json as unknown as CreatedKey;
  for (let count = 0; count < 40; count++) await ask(tcp, "/v1/groups/other/sandboxes", { headers: bearer(key) });
  for (let count = 0; count < 20; count++) await ask(tcp, "/v1/whoami", { headers: bearer("nonsense") });
  await own.restart();
  const records = JSON.parse((await ask(own.socketPath, "/v1/audit")).text) as AuditRecord[];
  const refused = records.filter(({ principal }) => principal === `key:${id}`);
  expect(refused).toHaveLength(31);
  expect(refused[0]).toMatchObject({ status: 404, count: 10, target: { group: "other" } });
  expect(records.filter(({ principal }) => principal === "unknown")).toMatchObject([{ status: 401, count: 20 }]);
});

test("a key that asks for too much is told when to ask again; another is not kept from anything", async () => {
  const { key } = await member("reader", { requestsPerMinute: 12 });
  const other = await member("reader");
  const first = await by(key, "/v1/whoami");
  expect(first.headers).toMatchObject({ "ratelimit-limit": "12", "ratelimit-remaining": "1", "ratelimit-reset": "5" });
  await by(key, "/v1/whoami");
  const refused = await by(key, "/v1/whoami");
  expect(refused.json).toMatchObject({ code: "TooManyRequests", status: 429 });
  expect(refused.headers["retry-after"]).toBe("5");
  const socket = new WebSocket(`ws://127.0.0.1:${port}${sandbox.path}/exec/stream`, { headers: bearer(key) });
  const [, response] = await once(socket, "unexpected-response");
  expect(response.statusCode).toBe(429);
  expect(response.headers["retry-after"]).toBe("5");
  response.destroy();
  expect((await by(other.key, "/v1/whoami")).status).toBe(200);
});

test("who guesses keys is told to wait, and valid keys of the same address go on", async () => {
  await using own = await serve();
  const tcp = await own.openTcp();
  const { key } = (await ask(own.socketPath, "/v1/keys", { method: "POST", body: { name: "x", isAdmin: true } })).json;
  const guess = async () => (await ask(tcp, "/v1/whoami", { headers: bearer("nonsense") })).status;
  const statuses = [];
  for (let count = 0; count < 70; count++) statuses.push(await guess());
  expect(statuses.slice(0, 60)).toEqual(Array(60).fill(401));
  expect(statuses).toContain(429);
  expect((await ask(tcp, "/v1/whoami", { headers: bearer(String(key)) })).status).toBe(200);
});

test("what is under way ends soon after its key is revoked: a stream of events, a WebSocket, a wait", async () => {
  const { key, id } = await member("user");
  const events = request({ port, path: "/v1/groups/default/events", headers: bearer(key), agent: false }).end();
  const [stream] = await once(events, "response");
  stream.on("error", () => undefined);
  const streamEnded = once(stream, "close");
  const socket = new WebSocket(`ws://127.0.0.1:${port}${sandbox.path}/exec/stream`, { headers: bearer(key) });
  socket.on("open", () => socket.send(JSON.stringify({ type: "start", start: { args: ["sleep", "60"] } })));
  await once(socket, "message");
  const socketClosed = once(socket, "close");
  const waiting = by(key, `${sandbox.path}/executeCommand`, {
    method: "POST",
    body: { command: "sleep", args: ["60"] },
  });
  await ask(served.socketPath, `/v1/keys/${id}`, { method: "DELETE" });
  stream.resume();
  await streamEnded;
  expect((await socketClosed)[0]).toBe(1008);
  const answer = await waiting.then(
    ({ status, json }) => ({ status, code: json.code }),
    (error: Error) => error.message,
  );
  expect(answer).toMatchObject({ status: 401, code: "Unauthorized" });
});

test("a stream whose key is good goes on", async () => {
  const { key } = await member("reader");
  const events = request({ port, path: "/v1/groups/default/events", headers: bearer(key), agent: false }).end();
  const [stream] = await once(events, "response");
  const all = text(stream).catch(String);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(stream.closed).toBe(false);
  events.destroy();
  await all;
});
