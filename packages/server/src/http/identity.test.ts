/** Groups' tokens over real TCP: believed by strangers who have nothing but the issuer's URL, and by the server itself as roles were given. */
import type { Role } from "@alcove/contract";
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createOidcVerifier } from "../oidc.js";
import { ask, createSandbox, type Served, serve } from "./serve-for-tests.js";

let served: Served;
let port: number;
let issuer: string;
beforeAll(async () => {
  served = await serve();
  port = await served.openTcp();
  issuer = `http://127.0.0.1:${port}`;
  await setIdentity("default", ["https://vault.example.com", "urn:team:*"]);
});
afterAll(() => served[Symbol.asyncDispose]());

const owner = (path: string, method = "GET", body?: unknown) => ask(served.socketPath, path, { method, body });
const by = (token: string, path: string, options: { method?: string; body?: unknown } = {}) =>
  ask(port, path, { ...options, headers: { authorization: `Bearer ${token}` } });
const setIdentity = (group: string, audiences: readonly string[], more: object = {}) =>
  owner(`/v1/groups/${group}/identity`, "PUT", { audiences, ...more });
const give = (group: string, principal: string, role: Role) =>
  owner(`/v1/groups/${group}/roleAssignments/${principal}`, "PUT", { role });

async function makeGroup(name: string): Promise<string> {
  expect((await owner("/v1/groups", "POST", { name })).status).toBe(201);
  expect((await setIdentity(name, ["alcove", issuer])).status).toBe(200);
  return name;
}

async function tokenOf(group: string, resource = "alcove"): Promise<string> {
  const { status, json } = await owner(`/v1/groups/${group}/identity/token`, "POST", { resource });
  expect(status).toBe(200);
  return String(json.token);
}

test("a stranger verifies a token with nothing but the issuer's URL, as a second server does", async () => {
  const { headers, json: found } = await ask(port, "/.well-known/openid-configuration");
  expect(found).toMatchObject({ issuer, id_token_signing_alg_values_supported: ["RS256"] });
  expect(headers["cache-control"]).toBe("public, max-age=300");
  const token = await tokenOf("default", "https://vault.example.com");
  const keys = createRemoteJWKSet(new URL(String(found.jwks_uri)));
  const { payload } = await jwtVerify(token, keys, { issuer, audience: "https://vault.example.com" });
  const { json: identity } = await owner("/v1/groups/default/identity");
  expect(payload).toMatchObject({ sub: identity.subject, alcove_group: "default", alcove_group_id: identity.clientId });
  expect(identity).toMatchObject({ issuer, subject: `group:default:${identity.clientId}`, tokenLifetimeSeconds: 900 });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900);
  expect(payload.jti).not.toBe(decodeJwt(await tokenOf("default", "https://vault.example.com")).jti);
  const silent = { warn: () => undefined, debug: () => undefined };
  const second = createOidcVerifier({ issuer, audience: "urn:team:a", mappings: [] }, silent);
  expect(await second(await tokenOf("default", "urn:team:a"))).toMatchObject({ subject: identity.subject });
  expect(await second(token)).toBeUndefined();
});

test("a token is for whom the owner says, and nobody but an owner asks for one", async () => {
  const refused = await owner("/v1/groups/default/identity/token", "POST", {
    resource: "https://vault.example.com.evil",
  });
  expect(refused.json).toMatchObject({ code: "AudienceNotAllowed", field: "resource" });
  const { json: key } = await owner("/v1/groups/default/keys", "POST", { name: "k", role: "user" });
  const asked = { method: "POST", body: { resource: "urn:team:a" } };
  expect((await by(String(key.key), "/v1/groups/default/identity/token", asked)).status).toBe(403);
  const change = { method: "PUT", body: { audiences: ["*"] } };
  expect((await by(String(key.key), "/v1/groups/default/identity", change)).status).toBe(403);
  for (const wrong of ["a*b", "a b", "**"]) expect((await setIdentity("default", [wrong])).status).toBe(400);
  const audited = await owner("/v1/groups/default/audit");
  expect(audited.text).toContain("issueGroupToken");
  expect(audited.text).not.toContain("eyJ");
});

test("a group is let in exactly as it was given roles, nowhere else, and not in itself", async () => {
  await makeGroup("caller");
  await makeGroup("called");
  const token = await tokenOf("caller");
  expect((await by(token, "/v1/groups/called")).status).toBe(404);
  expect((await by(token, "/v1/groups/caller")).status).toBe(404);
  await give("called", "group:caller", "reader");
  expect((await by(token, "/v1/groups/called")).status).toBe(200);
  expect((await by(token, "/v1/groups/called", { method: "PATCH", body: { tags: { a: "b" } } })).status).toBe(403);
  expect((await by(token, "/v1/groups/caller")).status).toBe(404);
  expect((await by(token, "/v1/keys")).status).toBe(403);
  expect((await by(token, "/v1/whoami")).json).toMatchObject({
    ...{ kind: "group", principal: "group:caller", isAdmin: false, roles: [{ group: "called", role: "reader" }] },
  });
  expect((await owner("/v1/groups/called/audit?caller=group:caller")).text).toContain("updateGroup");
  expect((await by(await tokenOf("caller", issuer), "/v1/groups/called")).status).toBe(200);
  await setIdentity("caller", [issuer]);
  expect((await by(token, "/v1/groups/called")).status).toBe(401);
  await setIdentity("caller", ["alcove"]);
  await owner("/v1/groups/called/roleAssignments/group:caller", "DELETE");
  expect((await by(token, "/v1/groups/called")).status).toBe(404);
});

test("a token for somebody else, of another's key, without a signature or changed is none", async () => {
  await give("default", "group:default", "reader");
  await setIdentity("default", ["https://vault.example.com", "urn:team:*", "alcove"]);
  const good = await tokenOf("default");
  expect((await by(good, "/v1/groups/default")).status).toBe(200);
  expect((await by(await tokenOf("default", "urn:team:alcove"), "/v1/groups/default")).status).toBe(401);
  const [head = "", body = "", signature = ""] = good.split(".");
  const changed = Buffer.from(JSON.stringify({ ...decodeJwt(good), alcove_group: "called" })).toString("base64url");
  const none = Buffer.from(JSON.stringify({ alg: "none", typ: "JWT" })).toString("base64url");
  const { kid = "" } = decodeProtectedHeader(good);
  const { json: set } = await ask(port, "/.well-known/jwks.json");
  const [{ n }] = set.keys as [{ n: string }];
  const byPublicKey = await new SignJWT(decodeJwt(good))
    .setProtectedHeader({ alg: "HS256", kid })
    .sign(Buffer.from(n, "base64url"));
  for (const bad of [`${head}.${changed}.${signature}`, `${none}.${body}.`, byPublicKey])
    expect((await by(bad, "/v1/groups/default")).status).toBe(401);
  await setIdentity("default", ["https://vault.example.com", "urn:team:*"]);
  expect((await by(good, "/v1/groups/default")).status).toBe(401);
});

test("a group that gets the name of one that is gone has neither its tokens nor its roles", async () => {
  await makeGroup("phoenix");
  await makeGroup("nest");
  await give("nest", "group:phoenix", "user");
  const token = await tokenOf("phoenix");
  expect((await by(token, "/v1/groups/nest")).status).toBe(200);
  await owner("/v1/groups/phoenix", "DELETE");
  expect((await by(token, "/v1/whoami")).status).toBe(401);
  await makeGroup("phoenix");
  expect((await by(token, "/v1/whoami")).status).toBe(401);
  const again = await tokenOf("phoenix");
  expect(decodeJwt(again).sub).not.toBe(decodeJwt(token).sub);
  expect((await by(again, "/v1/groups/nest")).status).toBe(404);
  // Given before there is a group of the name, a role is nobody's.
  await give("nest", "group:unborn", "user");
  await makeGroup("unborn");
  expect((await by(await tokenOf("unborn"), "/v1/groups/nest")).status).toBe(404);
  await give("nest", "group:unborn", "user");
  expect((await by(await tokenOf("unborn"), "/v1/groups/nest")).status).toBe(200);
});

test("tokens of before a rotation and a restart are believed; those of after it have another key", async () => {
  await makeGroup("steady");
  const before = await tokenOf("steady");
  const { json: rotated } = await owner("/v1/identity/rotate", "POST", {});
  const after = await tokenOf("steady");
  expect(decodeProtectedHeader(after).kid).toBe(rotated.keyId);
  expect(decodeProtectedHeader(before).kid).not.toBe(rotated.keyId);
  await served.restart();
  await served.openTcp({ port });
  for (const token of [before, after]) expect((await by(token, "/v1/whoami")).status).toBe(200);
  expect(((await ask(port, "/.well-known/jwks.json")).json.keys as unknown[]).length).toBe(2);
});

test("a server without an address of its own issues nothing, and says how it would", async () => {
  await using silent = await serve();
  const { status, json } = await ask(silent.socketPath, "/.well-known/openid-configuration");
  expect([status, json.code]).toEqual([404, "IssuerOff"]);
  await createSandbox(silent.socketPath);
  const set = { method: "PUT", body: { audiences: ["alcove"] } };
  expect((await ask(silent.socketPath, "/v1/groups/default/identity", set)).status).toBe(200);
  const asked = { method: "POST", body: { resource: "alcove" } };
  expect((await ask(silent.socketPath, "/v1/groups/default/identity/token", asked)).json.code).toBe("IssuerOff");
});
