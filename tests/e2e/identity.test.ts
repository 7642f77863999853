/** Programs of a sandbox ask for tokens of their group, and call the server that they run on: on the real engine, through the real gate. */
import { Alcove, type EgressPolicy, type Sandbox } from "alcove";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";

const size = { image: "debian", memory: "512Mi" } as const;
const metadata = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=";

let daemon: TestDaemon;
let url: URL;
let policy: EgressPolicy;
beforeAll(async () => {
  const environment = { ALCOVE_LISTEN: "127.0.0.1:0", ALCOVE_ALLOWED_HOSTS: "alcove.test" };
  daemon = await TestDaemon.start({ hasOwnData: true, environment });
  const { tcp } = await daemon.alcove.health();
  url = new URL(tcp?.url ?? "");
  const port = Number(url.port);
  policy = {
    defaultAction: "Deny",
    rules: [
      { name: "alcove", match: { host: "alcove.test", scheme: "http", ports: [port] }, action: { type: "Allow" } },
    ],
    transportRules: { rules: [{ action: "Allow", protocol: "Tcp", destination: "127.0.0.1/32", port }] },
  };
  for (const name of ["agents", "work"]) await daemon.alcove.groups.create({ name });
  await daemon.alcove.group("agents").identity.set({ audiences: ["alcove", "urn:vault:*"] });
  await daemon.alcove.group("agents").egressPolicies.setSettings({ resolverOverrides: { "alcove.test": "127.0.0.1" } });
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

const create = (group: string) => daemon.alcove.group(group).sandboxes.create({ ...size, egressPolicy: policy });

/** By the way of App Service, with what the environment says. */
async function appServiceToken(sandbox: Sandbox, resource: string): Promise<string> {
  const { stdout } = await sandbox.exec(
    `curl -sS -G -H "X-IDENTITY-HEADER: $IDENTITY_HEADER" -d api-version=2019-08-01 --data-urlencode resource=${resource} $IDENTITY_ENDPOINT`,
  );
  return String(JSON.parse(stdout).access_token);
}

async function metadataAnswer(sandbox: Sandbox, resource: string): Promise<Record<string, unknown>> {
  const { stdout } = await sandbox.exec(`curl -sS -H Metadata:true '${metadata}${resource}'`);
  return JSON.parse(stdout);
}

test("A program gets its group's tokens whatever the policy says, and no program of another group does", async () => {
  await using sandbox = await create("agents");
  const token = await appServiceToken(sandbox, "urn:vault:a");
  const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", url));
  const { payload } = await jwtVerify(token, keys, { issuer: url.origin, audience: "urn:vault:a" });
  expect(payload).toMatchObject({ alcove_group: "agents", alcove_sandbox: sandbox.id });
  expect(await metadataAnswer(sandbox, "urn:vault:a")).toMatchObject({ access_token: token, token_type: "Bearer" });
  expect(await metadataAnswer(sandbox, "urn:other")).toMatchObject({ error: "invalid_resource" });
  const decided = (await sandbox.egressDecisions()).http.allowed.filter(({ rule }) => rule === "identity");
  expect(decided.length).toBeGreaterThan(0);
  await using stranger = await create("work");
  const refused = await stranger.exec(`curl -sS -w '%{http_code}' -H Metadata:true '${metadata}urn:vault:a'`);
  expect(refused.stdout).toMatch(/403$/);
  expect((await stranger.exec("echo [$IDENTITY_ENDPOINT]")).stdout).toBe("[]\n");
});

test("A sandbox calls the server that it runs on, and is let in exactly as its group was given roles", async () => {
  await using sandbox = await create("agents");
  const call = async (path: string) => {
    const script = `T=$(curl -sS -H Metadata:true '${metadata}alcove' | python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')
      curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $T" http://alcove.test:${url.port}${path}`;
    return Number((await sandbox.exec(script)).stdout);
  };
  expect(await call("/v1/groups/work/sandboxes")).toBe(404);
  await daemon.alcove.group("work").roleAssignments.set("group:agents", "reader");
  expect(await call("/v1/groups/work/sandboxes")).toBe(200);
  expect(await call("/v1/groups/work/keys")).toBe(403);
  expect(await call("/v1/groups/agents/sandboxes")).toBe(404);
  const apiKey = await appServiceToken(sandbox, "alcove");
  using alcove = new Alcove({ url: url.origin, apiKey });
  expect(await alcove.whoAmI()).toMatchObject({
    kind: "group",
    principal: "group:agents",
    name: `the sandbox ${sandbox.id}`,
  });
  await sandbox.delete();
  await expect(alcove.whoAmI()).rejects.toMatchObject({ code: "Unauthorized" });
});

test("A copy has tokens of its own, and what slept goes on asking as before", async () => {
  await using sandbox = await create("agents");
  await sandbox.exec("echo $IDENTITY_HEADER > /root/header");
  const before = await appServiceToken(sandbox, "urn:vault:a");
  const [copy] = (await sandbox.fork(1)).sandboxes;
  if (copy === undefined) throw new Error("There is no copy.");
  await using own = copy;
  expect(decodeJwt(await appServiceToken(own, "urn:vault:a"))).toMatchObject({ alcove_sandbox: own.id });
  expect((await own.exec("cat /root/header; echo $IDENTITY_HEADER")).stdout).toMatch(/^(\w{32})\n\1\n$/);
  for (const mode of ["Memory", "Disk"] as const) {
    await sandbox.stop({ mode });
    await sandbox.resume();
    expect(decodeJwt(await appServiceToken(sandbox, "urn:vault:a"))).toMatchObject({ alcove_sandbox: sandbox.id });
  }
  expect(decodeJwt(before).alcove_sandbox).toBe(sandbox.id);
});

test("An identity that is given and taken while a sandbox runs is so for the programs that start from then on", async () => {
  await using sandbox = await create("work");
  const { identity } = daemon.alcove.group("work");
  await identity.set({ audiences: ["urn:late"] });
  expect(decodeJwt(await appServiceToken(sandbox, "urn:late"))).toMatchObject({ alcove_group: "work" });
  await identity.set({ audiences: [] });
  expect((await sandbox.exec("echo [$IDENTITY_ENDPOINT]")).stdout).toBe("[]\n");
  const { stdout } = await sandbox.exec(`curl -sS -w '%{http_code}' -H Metadata:true '${metadata}urn:late'`);
  expect(stdout).toMatch(/403$/);
});
