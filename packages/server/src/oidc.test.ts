/** Tokens of a real OpenID provider, which the tests start, over real TCP. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { AuditRecord } from "@alcove/contract";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Oidc } from "./config-oidc.js";
import { ask, createSandbox, type Served, serve } from "./http/serve-for-tests.js";
import { createOidcVerifier } from "./oidc.js";
import { audience, startProvider, type TestProvider } from "./oidc-provider-for-tests.js";

let provider: TestProvider;
let served: Served;
let port: number;
const silent = { warn: () => {}, debug: () => {} };
const mappings = [
  { claim: "groups", value: "team-a", group: "default", role: "user" },
  { claim: "realm.roles", value: "boss", isAdmin: true },
];

beforeAll(async () => {
  provider = await startProvider({
    member: { groups: ["team-a", "x"], name: "Ada" },
    boss: { realm: { roles: ["boss"] } },
    nobody: { groups: "team-b", email: "Eve@Example.com", email_verified: true },
    kelvin: { email: "\u212aim@example.com", email_verified: true },
    unverified: { email: "eve@example.com", email_verified: false },
    "eve@example.com": {},
  });
  const config = Oidc.parse({ issuer: provider.issuer, audience, mappings });
  served = await serve(undefined, {}, { verifyToken: createOidcVerifier(config, silent) });
  port = await served.openTcp();
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

const withToken = (token: string, path: string, options: { method?: string; body?: unknown } = {}) =>
  ask(port, path, { ...options, headers: { authorization: `Bearer ${token}` } });
const put = (principal: string, role: string) =>
  ask(served.socketPath, `/v1/groups/default/roleAssignments/${encodeURIComponent(principal)}`, {
    method: "PUT",
    body: { role },
  });

test("claims give the roles that are configured for them, and the administrator's", async () => {
  expect((await withToken(await provider.token("member"), "/v1/whoami")).json).toMatchObject({
    kind: "oidc",
    principal: "oidc:member",
    name: "Ada",
    isAdmin: false,
    roles: [{ group: "default", role: "user" }],
  });
  expect((await withToken(await provider.token("boss"), "/v1/keys")).status).toBe(200);
  expect((await withToken(await provider.token("nobody"), "/v1/whoami")).json).toMatchObject({ roles: [] });
  expect((await withToken(await provider.token("nobody"), "/v1/groups/default/sandboxes")).status).toBe(404);
});

test("a role assigned to a subject or to a verified address counts at once, and until it is taken away", async () => {
  const { path } = await createSandbox(served.socketPath);
  const token = await provider.token("nobody");
  expect((await put("oidc:EVE@example.com", "reader")).json).toMatchObject({ principal: "oidc:eve@example.com" });
  expect((await withToken(token, path)).status).toBe(200);
  expect((await withToken(token, path, { method: "DELETE" })).status).toBe(403);
  expect((await put("oidc:nobody", "owner")).status).toBe(200);
  expect((await withToken(token, "/v1/groups/default/keys")).status).toBe(200);
  const listed = await withToken(token, "/v1/groups/default/roleAssignments");
  expect(JSON.parse(listed.text).map((one: { principal: string }) => one.principal)).toEqual([
    "oidc:eve@example.com",
    "oidc:nobody",
  ]);
  for (const principal of ["oidc%3Aeve%40example.com", "oidc%3Anobody"]) {
    const taken = await ask(served.socketPath, `/v1/groups/default/roleAssignments/${principal}`, { method: "DELETE" });
    expect(taken.status).toBe(204);
  }
  expect((await withToken(token, path)).status).toBe(404);
});

test("an address counts only where the issuer has verified it, and a subject that looks as one does not", async () => {
  await put("oidc:eve@example.com", "owner");
  await put("oidc:kim@example.com", "owner");
  for (const client of ["unverified", "eve@example.com", "kelvin"]) {
    const { json } = await withToken(await provider.token(client), "/v1/whoami");
    expect(json).toMatchObject({ kind: "oidc", roles: [] });
  }
  await ask(served.socketPath, "/v1/groups/default/roleAssignments/oidc%3Aeve%40example.com", { method: "DELETE" });
});

test("a key is given more by an assignment, and no more than its owner has", async () => {
  const body = { name: "k", scopes: [{ group: "default", role: "reader" }] };
  const { key, id } = (await ask(served.socketPath, "/v1/keys", { method: "POST", body })).json;
  expect((await put(`key:${id}`, "owner")).json).toMatchObject({ role: "owner", assignedBy: "owner" });
  expect((await withToken(String(key), "/v1/groups/default/audit")).status).toBe(200);
  const owner = await withToken(String(key), "/v1/groups/default/roleAssignments/oidc%3Aa", {
    method: "PUT",
    body: { role: "admin" },
  });
  expect(owner.json).toMatchObject({ code: "InvalidRequest", field: "role" });
});

test("a token is good until half a minute after its end, for clocks that differ", async () => {
  const token = await provider.token("boss");
  const config = Oidc.parse({ issuer: provider.issuer, audience });
  const after = (ms: number) => createOidcVerifier(config, silent, () => Date.now() + ms)(token);
  expect(await after(85_000)).toMatchObject({ subject: "boss" });
  expect(await after(91_000)).toBeUndefined();
});

test("a token for somebody else, one that was changed and one of another issuer are refused alike", async () => {
  const good = await provider.token("boss");
  const [head, payload = "", signature] = good.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  const forged = Buffer.from(JSON.stringify({ ...claims, sub: "other" })).toString("base64url");
  const none = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
  const { privateKey } = await generateKeyPair("ES256");
  const foreign = await new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "k" }).sign(privateKey);
  const hmac = await new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode("x".repeat(32)));
  const tokens = [
    await provider.token("boss", "urn:alcove:other"),
    ...[`${head}.${forged}.${signature}`, `${none}.${payload}.`, foreign, hmac, `${good}x`, "a.b.c"],
  ];
  expect((await withToken(good, "/v1/keys")).status).toBe(200);
  const answers = await Promise.all(tokens.map((token) => withToken(token, "/v1/keys")));
  for (const { status, text } of answers) {
    expect(status).toBe(401);
    expect(text).toBe(answers[0]?.text);
  }
});

test("what a token's holder does is on record under the subject", async () => {
  await withToken(await provider.token("boss"), "/v1/keys", { method: "POST", body: { name: "made", isAdmin: true } });
  const record = async () =>
    JSON.parse((await ask(served.socketPath, "/v1/audit?caller=oidc:boss")).text) as AuditRecord[];
  await expect.poll(record).toMatchObject([{ endpoint: "createKey", status: 201 }]);
});

/** An issuer that lies, as far as the test wants. */
async function liar(document: (issuer: string) => object, jwks: object = { keys: [] }) {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    const issuer = `http://${request.headers.host}`;
    response.end(JSON.stringify(request.url?.includes("openid") ? document(issuer) : jwks));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { issuer, asked: () => asked, [Symbol.dispose]: () => void server.close().closeAllConnections?.() };
}

test("an issuer whose document is another's, or that is gone, lets nobody in, and is not asked with every token", async () => {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: "ES256", kid: "k" }] };
  const server = await liar((issuer) => ({ issuer: `${issuer}/other`, jwks_uri: `${issuer}/jwks` }), jwks);
  const verify = createOidcVerifier(Oidc.parse({ issuer: server.issuer, audience: "a" }), silent);
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: "ES256", kid: "k" })
    .setSubject("s")
    .setAudience("a")
    .setIssuer(server.issuer)
    .setExpirationTime("1m")
    .sign(privateKey);
  for (let count = 0; count < 20; count++) expect(await verify(token)).toBeUndefined();
  expect(server.asked()).toBe(1);
  server[Symbol.dispose]();
});

test("tokens that name keys which the issuer does not have do not make the daemon ask for them again and again", async () => {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: "ES256", kid: "k" }] };
  const server = await liar((issuer) => ({ issuer, jwks_uri: `${issuer}/jwks` }), jwks);
  const verify = createOidcVerifier(Oidc.parse({ issuer: server.issuer, audience: "a" }), silent);
  const sign = (kid: string) =>
    new SignJWT({})
      .setProtectedHeader({ alg: "ES256", kid })
      .setSubject("s")
      .setAudience("a")
      .setIssuer(server.issuer)
      .setExpirationTime("1m")
      .sign(privateKey);
  expect(await verify(await sign("k"))).toMatchObject({ subject: "s", scopes: [], isAdmin: false });
  for (let count = 0; count < 20; count++) expect(await verify(await sign(`unknown-${count}`))).toBeUndefined();
  expect(server.asked()).toBeLessThanOrEqual(3);
  server[Symbol.dispose]();
});
