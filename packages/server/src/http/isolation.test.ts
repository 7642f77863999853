/**
 * Two groups with keys see, name, guess, use and exhaust nothing of each other's: every endpoint of the contract is asked
 * with every wrong key, for what is there and for what is not, over real TCP.
 */
import { randomUUID } from "node:crypto";
import { type CreatedKey, type Endpoint, endpoints } from "@alcove/contract";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TestIngress } from "../control/ports/test-ingress.js";
import { inOrder, type Outcome, type Places, samples, send } from "./endpoint-samples-test-kit.js";
import { ask, type Served, serve } from "./serve-for-tests.js";

let served: Served;
let port: number;
let alpha: Places;
let beta: Places;
let gamma: Places;
/** Keys of the group beta's, and what is no key. */
let wrong: Readonly<Record<string, string | undefined>>;
let betaOwner: string;
let admin: string;

const owner = async (method: string, path: string, body?: unknown) => {
  const reply = await ask(served.socketPath, path, { method, ...(body === undefined ? {} : { body }) });
  if (reply.status >= 400) throw new Error(`${method} ${path}: ${reply.text}`);
  return reply.json;
};
const makeKey = async (body: object) =>
  (await owner("POST", "/v1/keys", { name: "test", requestsPerMinute: 1_000_000, ...body })) as unknown as CreatedKey;
const keyOf = (group: string, role: string, more = {}) => makeKey({ scopes: [{ group, role }], ...more });

/** A group with one of everything in it. */
async function populate(group: string): Promise<Places> {
  await owner("POST", "/v1/groups", { name: group, tags: { mark: `tag-of-${group}` } });
  const path = `/v1/groups/${group}`;
  const { id } = await owner("POST", `${path}/sandboxes`, {
    sourcesRef: { diskImage: { name: "debian" } },
    labels: { mark: `label-of-${group}` },
    environment: { SECRET: `environment-of-${group}` },
    cmd: ["sleep", "600"],
  });
  const box = `${path}/sandboxes/${id}`;
  await ask(served.socketPath, `${box}/files?path=%2Ftmp%2Fsecret`, {
    method: "POST",
    body: Buffer.from(`file-of-${group}`),
    headers: { "content-type": "application/octet-stream" },
  });
  const exec = await owner("POST", `${box}/execs`, { args: ["sleep", "600"], stdin: true });
  const key = await owner("POST", `${path}/keys`, { name: `key-of-${group}`, role: "reader" });
  const principal = `oidc:somebody-of-${group}`;
  await owner("PUT", `${path}/roleAssignments/${encodeURIComponent(principal)}`, { role: "reader" });
  const name = `image-of-${group}`;
  await owner("POST", `${path}/diskimages`, { name, source: { kind: "registry", imageUrl: "registry.example.com/x" } });
  await vi.waitFor(
    async () => expect(await owner("GET", `${path}/diskimages/${name}`)).toMatchObject({ state: "Ready" }),
    { timeout: 20_000 },
  );
  await owner("PUT", `${path}/pools/${name}`, { sourcesRef: { diskImage: { name } }, minimum: 0 });
  const egressPolicyId = `policy-of-${group}`;
  await owner("PUT", `${path}/egressPolicies/${egressPolicyId}`, { policy: { defaultAction: "Deny" } });
  const secretId = `secret-of-${group}`;
  await owner("PUT", `${path}/secrets/${secretId}`, { values: { token: `value-of-${group}` } });
  await owner("PUT", `${path}/egress`, { resolverOverrides: { [`host-of-${group}`]: "192.0.2.1" } });
  const volumeName = `volume-of-${group}`;
  await owner("POST", `${path}/volumes`, { name: volumeName, size: "1Gi" });
  const { id: snapshotId } = await owner("POST", `${box}/snapshot`, { name: `snapshot-of-${group}` });
  const [template] = (await owner("GET", "/v1/templates")) as unknown as readonly { key: string }[];
  return {
    group,
    id: String(id),
    snapshotId: String(snapshotId),
    port: "43210",
    key: String(template?.key),
    execId: String(exec.id),
    keyId: String(key.id),
    principal,
    name,
    egressPolicyId,
    secretId,
    volumeName,
  };
}

/** As in the group, but nothing of it is there. */
const missing = (group: string): Places => ({
  ...{
    group,
    id: randomUUID(),
    execId: randomUUID(),
    snapshotId: randomUUID(),
    port: "43210",
    keyId: "0".repeat(16),
    key: "0".repeat(32),
  },
  ...{ principal: "oidc:nobody", name: "no-such-image", egressPolicyId: "no-such-policy", secretId: "no-such-secret" },
  volumeName: "no-such-volume",
});

beforeAll(async () => {
  served = await serve(undefined, {}, { ingress: new TestIngress() });
  port = await served.openTcp();
  [alpha, beta, gamma] = [await populate("alpha"), await populate("beta"), await populate("gamma")];
  betaOwner = (await keyOf("beta", "owner")).key;
  admin = (await makeKey({ isAdmin: true })).key;
  const revoked = await keyOf("alpha", "owner");
  await owner("DELETE", `/v1/keys/${revoked.id}`);
  const expired = await keyOf("alpha", "owner", { expiresAt: new Date(Date.now() + 200).toISOString() });
  const right = await keyOf("alpha", "owner");
  wrong = {
    "an owner of another group": betaOwner,
    "a reader of another group": (await keyOf("beta", "reader")).key,
    nobody: undefined,
    "a revoked key": revoked.key,
    "an expired key": expired.key,
    "a key with another's secret": `${right.key.slice(0, -43)}${"A".repeat(43)}`,
    "a malformed key": right.key.slice(0, -1),
    "a word": "alpha",
  };
  await vi.waitFor(async () => expect((await whoAmI(expired.key)).status).toBe(401), { timeout: 20_000 });
}, 60_000);
afterAll(() => served[Symbol.asyncDispose]());

const whoAmI = (key: string) => ask(port, "/v1/whoami", { headers: { authorization: `Bearer ${key}` } });

/** An address of its own for each endpoint, since guesses are counted by address. */
const addressOf = ({ id }: Endpoint) => `127.0.1.${endpoints.findIndex((one) => one.id === id) + 1}`;

/** What a caller can tell apart: all but times, ids of requests, what is left of its own rate, and what it sent itself. */
function seen({ status, headers, text }: Outcome, places: Places) {
  const own = ["date", "x-request-id", "ratelimit-remaining", "ratelimit-reset", "sec-websocket-accept"];
  const kept = Object.entries(headers).filter(([name]) => !own.includes(name) && name !== "content-length");
  let rest = text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z|"uptimeMs":\d+/g, "TIME");
  for (const [name, value] of Object.entries(places)) rest = rest.replaceAll(value, `:${name}`);
  return { status, headers: Object.fromEntries(kept), text: rest };
}

const marksOf = (places: Places) => [
  ...Object.values(places),
  ...["tag", "label", "environment", "file", "key", "snapshot", "host"].map((what) => `${what}-of-${places.group}`),
];

test("there is a request for every endpoint, and for nothing else", () => {
  expect(endpoints.length).toBeGreaterThan(50);
  expect(Object.keys(samples).sort()).toEqual(endpoints.map(({ id }) => id).sort());
});

test.each(inOrder)(
  "$id with a wrong key answers nothing, and the same whether there is something or not",
  async (endpoint) => {
    const from = addressOf(endpoint);
    for (const [whose, key] of Object.entries(wrong)) {
      const ask = (places: Places) => send(endpoint, { port, from, key, places });
      const nowhere = missing("omega");
      const inside = { ...missing("alpha") };
      const answers = [
        seen(await ask(alpha), alpha),
        seen(await ask(inside), inside),
        seen(await ask(nowhere), nowhere),
      ] as const;
      expect(answers[1], `${whose}, what is not there`).toEqual(answers[0]);
      expect(answers[2], `${whose}, a group that is not there`).toEqual(answers[0]);
      expect(answers[0].status, whose).toBe(expected(endpoint, whose));
      const told = (await ask(alpha)).text.replaceAll(/"(?:detail|value)":"[^"]*"/g, "");
      for (const mark of marksOf(alpha)) expect(told, whose).not.toContain(mark);
    }
  },
);

function expected({ access, path }: Endpoint, whose: string): number {
  const isKnown = whose.includes("another group");
  if (access === "anyone") return isKnown || whose === "nobody" ? 200 : 401;
  if (!isKnown) return 401;
  if (path.includes("/:group")) return 404;
  return access === "caller" ? 200 : 403;
}

const inside = inOrder.filter(({ path }) => path.replace("/:group", "").includes(":") && path.includes("/:group"));

test.each(inside)(
  "$id in one's own group does not reach what another has, nor tell that it is there",
  async (endpoint) => {
    const ask = async (places: Places) => seen(await send(endpoint, { port, key: betaOwner, places }), places);
    const foreign = await ask({ ...alpha, group: "beta" });
    expect(await ask(missing("beta"))).toEqual(foreign);
    // One's own sandbox with another's exec in it.
    const mixed = { ...alpha, group: "beta", id: beta.id ?? "" };
    const none = { ...missing("beta"), id: beta.id ?? "" };
    if (endpoint.path.includes(":execId")) expect(await ask(mixed)).toEqual(await ask(none));
  },
);

test("after all of that the other group has everything that it had", async () => {
  const path = "/v1/groups/alpha";
  const box = `${path}/sandboxes/${alpha.id}`;
  expect(await owner("GET", box)).toMatchObject({ state: "Running", labels: { mark: "label-of-alpha" } });
  expect(await owner("GET", `${path}/sandboxes/count`)).toEqual({ count: 1 });
  expect(await owner("GET", `${box}/execs/${alpha.execId}`)).toMatchObject({ state: "Running" });
  expect((await ask(served.socketPath, `${box}/files?path=%2Ftmp%2Fsecret`)).text).toBe("file-of-alpha");
  expect(await owner("GET", `${path}/diskimages/${alpha.name}`)).toMatchObject({ state: "Ready" });
  const keys = JSON.parse((await ask(served.socketPath, `${path}/keys`)).text);
  expect(keys).toMatchObject([{ id: alpha.keyId }]);
  expect(keys[0]).not.toHaveProperty("revokedAt");
  expect(await owner("GET", `${path}/pools/${alpha.name}`)).toMatchObject({ minimum: 0, maximum: 1 });
  const roles = JSON.parse((await ask(served.socketPath, `${path}/roleAssignments`)).text);
  expect(roles).toMatchObject([{ principal: alpha.principal }]);
  expect(await owner("GET", path)).toMatchObject({ tags: { mark: "tag-of-alpha" }, quota: {} });
});

test("lists, counts, events, usage, health and the audit log of one group have nothing of another's", async () => {
  const { key } = await keyOf("gamma", "owner");
  const lists = endpoints.filter(({ method, access, path }) => {
    const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name);
    return method === "GET" && access !== "admin" && names.every((name) => name === "group");
  });
  expect(lists.length).toBeGreaterThan(12);
  for (const endpoint of lists) {
    const { status, text } = await send(endpoint, { port, key, places: gamma });
    expect(status, endpoint.id).toBe(200);
    for (const mark of [...marksOf(alpha), ...marksOf(beta)]) expect(text, endpoint.id).not.toContain(mark);
    if (endpoint.id === "getHealth") expect(JSON.parse(text)).toMatchObject({ sandboxes: { total: 1, running: 1 } });
  }
});

test.each(inOrder)("$id: its request is a good one: an administrator's key gets through", async (endpoint) => {
  const places = endpoint.id === "revokeKey" ? { ...gamma, keyId: (await makeKey({ isAdmin: true })).id } : gamma;
  // Sandboxes refer to the one that is there.
  const isDeleted = endpoint.id === "deleteEgressPolicy";
  if (isDeleted) await owner("PUT", "/v1/groups/gamma/egressPolicies/unused", { policy: { defaultAction: "Deny" } });
  const egressPolicyId = isDeleted ? "unused" : (places.egressPolicyId ?? "");
  // Sandboxes stand on the one that is there.
  const key = endpoint.id === "deleteTemplate" ? "0".repeat(32) : (places.key ?? "");
  const { status, text } = await send(endpoint, { port, key: admin, places: { ...places, key, egressPolicyId } });
  expect([200, 201, 202, 204, 101], text).toContain(status);
});
