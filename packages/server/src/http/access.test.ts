/** Who is let in, over real TCP: keys, their roles and their end, and whatever is not a key. */
import type { CreatedKey, Role } from "@alcove/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, createSandbox, type Reply, type Served, serve } from "./serve-for-tests.js";

let served: Served;
let port: number;
let sandbox: { path: string };
beforeAll(async () => {
  served = await serve();
  port = await served.openTcp();
  sandbox = await createSandbox(served.socketPath);
});
afterAll(() => served[Symbol.asyncDispose]());

const owner = (path: string, options = {}) => ask(served.socketPath, path, options);
const by = (key: string, path: string, options: { method?: string; body?: unknown } = {}) =>
  ask(port, path, { ...options, headers: { authorization: `Bearer ${key}` } });

async function makeKey(body: object): Promise<CreatedKey> {
  const { status, json } = await owner("/v1/keys", { method: "POST", body: { name: "test", ...body } });
  expect(status).toBe(201);
  return json as unknown as CreatedKey;
}
const keyOf = (role: Role) => makeKey({ scopes: [{ group: "default", role }] });

test("a key lets in over TCP, and says who it is; without one nobody gets in", async () => {
  const { key, id } = await keyOf("reader");
  expect((await by(key, "/v1/whoami")).json).toMatchObject({
    kind: "key",
    principal: `key:${id}`,
    isAdmin: false,
    roles: [{ group: "default", role: "reader" }],
  });
  expect((await by(key, sandbox.path)).status).toBe(200);
  expect((await ask(port, sandbox.path)).status).toBe(401);
  expect((await ask(port, "/v1/version")).status).toBe(200);
  expect((await owner("/v1/whoami")).json).toMatchObject({ kind: "owner", isAdmin: true });
});

test("a stranger learns the version of the API alone, a key the server's, an administrator of its process", async () => {
  const { key } = await keyOf("reader");
  const administrator = await makeKey({ isAdmin: true });
  expect((await ask(port, "/v1/version")).json).toEqual({ apiVersion: "v1" });
  expect((await ask(port, "/openapi.json")).status).toBe(401);
  expect((await by(key, "/v1/version")).json).toEqual({ apiVersion: "v1", version: "0.0.0" });
  expect((await by(administrator.key, "/v1/version")).json).toMatchObject({ pid: process.pid, node: process.version });
});

test("a role reaches what it is for, and is told what it lacks", async () => {
  const [reader, user] = [await keyOf("reader"), await keyOf("user")];
  const exec = { method: "POST", body: { command: "true" } };
  const refused = await by(reader.key, `${sandbox.path}/executeCommand`, exec);
  expect(refused.json).toMatchObject({ code: "Forbidden", detail: "This needs the role user in the group default." });
  expect((await by(user.key, `${sandbox.path}/executeCommand`, exec)).status).toBe(200);
  expect((await by(user.key, "/v1/groups/default/keys")).status).toBe(403);
  expect((await by(user.key, "/v1/keys")).status).toBe(403);
  expect((await by(user.key, "/v1/doctor")).json).toMatchObject({ code: "Forbidden" });
});

test("an administrator's key may do everything, a key made of nothing is refused", async () => {
  const { key } = await makeKey({ isAdmin: true });
  expect((await by(key, "/v1/keys")).status).toBe(200);
  expect((await by(key, sandbox.path)).status).toBe(200);
  const neither = await owner("/v1/keys", { method: "POST", body: { name: "x" } });
  expect(neither.json).toMatchObject({ code: "InvalidRequest", field: "scopes" });
});

const bare = ({ status, text, headers }: Reply) => {
  const { date: _date, "x-request-id": _id, ...rest } = headers;
  return { status, text, rest };
};

test("unknown, wrong, malformed, revoked and expired keys are refused alike, to the byte", async () => {
  const revoked = await keyOf("owner");
  expect((await owner(`/v1/keys/${revoked.id}`, { method: "DELETE" })).status).toBe(204);
  const expired = await makeKey({ isAdmin: true, expiresAt: new Date(Date.now() + 300).toISOString() });
  const living = await keyOf("owner");
  expect((await by(expired.key, "/v1/whoami")).status).toBe(200);
  await expect.poll(async () => (await by(expired.key, "/v1/whoami")).status).toBe(401);
  const wrongSecret = `alc_${living.id}_${"A".repeat(43)}`;
  const unknown = `alc_${"0".repeat(16)}_${"A".repeat(43)}`;
  const tokens = [revoked.key, expired.key, wrongSecret, unknown, "alc_", "x", "a.b.c", living.key.slice(0, -1)];
  const refusals = await Promise.all(tokens.map(async (token) => bare(await by(token, sandbox.path))));
  expect(refusals[0]).toMatchObject({ status: 401, rest: { "www-authenticate": 'Bearer realm="alcove"' } });
  for (const refusal of refusals) expect(refusal).toEqual(refusals[0]);
  const basic = await ask(port, sandbox.path, { headers: { authorization: "Basic YTpi" } });
  expect(bare(basic)).toEqual(refusals[0]);
  expect(bare(await ask(port, sandbox.path))).toEqual(refusals[0]);
  // What anyone may read is not read with a key that is none.
  expect((await by(revoked.key, "/v1/version")).status).toBe(401);
});

test("a key is never taken from a cookie or the query", async () => {
  const { key } = await keyOf("owner");
  const cookie = await ask(port, sandbox.path, { headers: { cookie: `authorization=Bearer ${key}; token=${key}` } });
  expect(cookie.status).toBe(401);
  expect((await ask(port, `${sandbox.path}?access_token=${key}`)).status).toBe(401);
});

test("a group that a key has no role in looks as one that is not there, whatever is asked", async () => {
  const { key } = await makeKey({ scopes: [{ group: "default", role: "reader" }] });
  const { json } = await owner("/v1/keys", { method: "POST", body: { name: "x", scopes: [] } });
  expect(json).toMatchObject({ field: "scopes" });
  const other = await by(key, "/v1/groups/other/sandboxes");
  expect(other.json).toMatchObject({ code: "GroupNotFound", detail: "There is no group other.", value: "other" });
  const asOwner = await owner("/v1/groups/other/sandboxes");
  expect(other.text).toBe(asOwner.text);
  for (const method of ["POST", "PUT", "DELETE"]) {
    const { status } = await by(key, "/v1/groups/other/sandboxes/nonsense/files?path=x", { method });
    expect([404, 405]).toContain(status);
  }
});

test("keys of a group are its owner's: made, listed, revoked there, and nowhere above", async () => {
  const { key } = await keyOf("owner");
  const made = await by(key, "/v1/groups/default/keys", { method: "POST", body: { name: "ci", role: "user" } });
  expect(made.status).toBe(201);
  const { id, key: secret, createdBy } = made.json as unknown as CreatedKey;
  expect(createdBy).toMatch(/^key:/);
  const listed = JSON.parse((await by(key, "/v1/groups/default/keys")).text);
  expect(listed.map((one: { id: string }) => one.id)).toEqual([id]);
  expect(JSON.stringify(listed)).not.toContain(secret.slice(-20));
  const foreign = await keyOf("user");
  const missing = await by(key, `/v1/groups/default/keys/${"0".repeat(16)}`, { method: "DELETE" });
  const others = await by(key, `/v1/groups/default/keys/${foreign.id}`, { method: "DELETE" });
  expect(others.status).toBe(404);
  expect(others.text.replaceAll(foreign.id, "0".repeat(16))).toBe(missing.text);
  expect((await by(key, `/v1/groups/default/keys/${id}`, { method: "DELETE" })).status).toBe(204);
  expect((await by(secret, "/v1/whoami")).status).toBe(401);
});

test("a token on the daemon's own socket counts there too, so that a key can be tried", async () => {
  const { key } = await keyOf("reader");
  const headers = { authorization: `bearer ${key}` };
  expect((await owner("/v1/whoami", { headers })).json).toMatchObject({ kind: "key" });
  expect((await owner("/v1/whoami", { headers: { authorization: "Bearer nonsense" } })).status).toBe(401);
});

test("the database has no key's secret, and when it was used last", async () => {
  const { key, id } = await keyOf("user");
  await by(key, "/v1/whoami");
  const keys = JSON.parse((await owner("/v1/keys")).text) as { id: string; lastUsedAt?: string }[];
  const found = keys.find((one) => one.id === id);
  expect(Date.parse(found?.lastUsedAt ?? "")).toBeGreaterThan(Date.now() - 60_000);
  expect(found).not.toHaveProperty("secretHash");
});

test("health tells a caller of its own groups, and an administrator of the host", async () => {
  const { key } = await makeKey({ scopes: [{ group: "default", role: "reader" }] });
  const own = (await by(key, "/v1/health")).json;
  expect(own).toMatchObject({ sandboxes: { total: 1, running: 1 } });
  expect(Object.keys(own).sort()).toEqual(["accelerator", "engine", "problems", "sandboxes", "status", "uptimeMs"]);
  expect((await owner("/v1/health")).json).toHaveProperty("memory");
});

test("an owner of a group gives no key more requests than the own key may make, an administrator any", async () => {
  const { key } = await makeKey({ scopes: [{ group: "default", role: "owner" }], requestsPerMinute: 4_000 });
  const make = (requestsPerMinute: number) =>
    by(key, "/v1/groups/default/keys", { method: "POST", body: { name: "x", role: "user", requestsPerMinute } });
  expect((await make(4_000)).status).toBe(201);
  expect((await make(4_001)).json).toMatchObject({ code: "InvalidRequest", field: "requestsPerMinute", value: "4001" });
  const body = { name: "x", role: "user", requestsPerMinute: 1_000_000 };
  expect((await owner("/v1/groups/default/keys", { method: "POST", body })).status).toBe(201);
});

test("a group that is made anew under a deleted one's name knows nothing of its keys, roles, records and events", async () => {
  const group = "/v1/groups/again";
  const create = () => owner("/v1/groups", { method: "POST", body: { name: "again" } });
  await create();
  const own = (await owner(`${group}/keys`, { method: "POST", body: { name: "own", role: "owner" } })).json;
  const wide = await makeKey({
    scopes: [
      { group: "again", role: "owner" },
      { group: "default", role: "reader" },
    ],
  });
  const named = await keyOf("reader");
  await by(wide.key, `${group}/roleAssignments/key%3A${named.id}`, { method: "PUT", body: { role: "user" } });
  await by(wide.key, `${group}/sandboxes`, { method: "POST", body: { sourcesRef: { diskImage: { name: "debian" } } } });
  expect((await by(named.key, group)).status).toBe(200);
  expect((await owner(`${group}?force=true`, { method: "DELETE" })).status).toBe(204);
  expect((await create()).status).toBe(201);
  expect((await by(String(own.key), group)).status).toBe(401);
  expect((await by(wide.key, group)).status).toBe(404);
  expect((await by(named.key, group)).status).toBe(404);
  for (const list of ["keys", "roleAssignments", "audit", "sandboxes"]) {
    expect((await owner(`${group}/${list}`)).text).toBe("[]");
  }
});

test("role user names those secrets alone that are bound to hosts; what reads a sandbox names them, never values", async () => {
  const [user, other] = [await keyOf("user"), await keyOf("owner")];
  const secrets = "/v1/groups/default/secrets";
  const put = (id: string, hosts: string[]) =>
    owner(`${secrets}/${id}`, { method: "PUT", body: { values: { token: "s3cret-value" }, hosts } });
  await put("bound", ["api.test"]);
  await put("unbound", []);
  const ruleFor = (secretId: string) => ({
    defaultAction: "Deny",
    rules: [
      {
        name: "api",
        match: { host: "mine.test" },
        action: {
          type: "Transform",
          headers: [{ operation: "Set", name: "X-Key", valueRef: { secretRef: { secretId } } }],
        },
      },
    ],
  });
  const create = (key: string, more: object) =>
    by(key, "/v1/groups/default/sandboxes", {
      method: "POST",
      body: { sourcesRef: { diskImage: { name: "debian" } }, ...more },
    });
  const value = { TOKEN: { secretId: "unbound", delivery: "Value" } };
  const refused = { code: "Forbidden", hint: expect.stringContaining("alcove secret set --host") };
  expect((await create(user.key, { secrets: value })).json).toMatchObject({ ...refused, field: "secrets.TOKEN" });
  const field = "rules[0].action.headers[0].valueRef.secretRef";
  expect((await create(user.key, { egressPolicy: ruleFor("unbound") })).json).toMatchObject({ ...refused, field });
  const batch = { count: 2, sandbox: { sourcesRef: { diskImage: { name: "debian" } }, secrets: value } };
  const many = await by(user.key, "/v1/groups/default/sandboxes/batch", { method: "POST", body: batch });
  expect(many.json).toMatchObject({ ...refused, field: "secrets.TOKEN" });
  const made = await create(user.key, { secrets: { TOKEN: { secretId: "bound" } } });
  expect(made.status).toBe(201);
  const path = `/v1/groups/default/sandboxes/${made.json.id}`;
  const setPolicy = (key: string, secretId: string) =>
    by(key, `${path}/egresspolicy`, { method: "POST", body: ruleFor(secretId) });
  expect((await setPolicy(user.key, "unbound")).json).toMatchObject({ ...refused, field });
  expect((await setPolicy(user.key, "bound")).status).toBe(200);
  expect((await setPolicy(other.key, "unbound")).status).toBe(200);
  expect((await create(other.key, { secrets: value })).status).toBe(201);
  const read = await by(user.key, path);
  expect(read.json.secrets).toEqual({ TOKEN: { secretId: "bound", delivery: "Placeholder" } });
  expect(read.text).not.toMatch(/s3cret-value|alcove-secret-/);
});
