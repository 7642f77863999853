import { rmSync } from "node:fs";
import { type EgressPolicy, SecretRef } from "@alcove/contract";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../store/test-record.js";
import { debian, group, never, TestHost } from "../test-daemon.js";

const github = { group, secretId: "github" };
const putting = (secretRef: SecretRef): EgressPolicy => ({
  defaultAction: "Deny",
  rules: [
    {
      name: "put",
      match: { host: "api.test" },
      action: { type: "Transform", headers: [{ operation: "Set", name: "Authorization", valueRef: { secretRef } }] },
    },
  ],
});
const asking = (secretRef: SecretRef): EgressPolicy => ({
  defaultAction: "Deny",
  rules: [
    {
      name: "ask",
      match: { host: "api.test" },
      hookRef: {
        endpoint: "https://ask.test/",
        authHeaders: [{ operation: "Set", name: "Authorization", valueRef: { secretRef } }],
      },
    },
  ],
});

test("the gateway has those values alone that a sandbox's policy names, and a new version when the call answers", async () => {
  await using host = new TestHost();
  const { control, gateway } = await host.daemon();
  await control.secrets.put(github, { values: { token: "v1", other: "unneeded" } });
  await control.secrets.put({ group, secretId: "single" }, { values: { only: "one" } });
  await control.secrets.put({ group, secretId: "unnamed" }, { values: { token: "unneeded" } });
  const own = putting({ secretId: "github", secretKey: "token" });
  const one = await control.sandboxes.create(group, { ...debian, egressPolicy: own }, never);
  await control.egress.policies.put({ group, egressPolicyId: "web" }, { policy: asking({ secretId: "single" }) });
  const two = await control.sandboxes.create(group, { ...debian, egressPolicyId: "web" }, never);
  const three = await control.sandboxes.create(group, debian, never);
  const secretsOf = ({ id }: { id: string }) => gateway.inForce.get(id)?.secrets;
  expect([one, two, three].map(secretsOf)).toEqual([{ "github/token": "v1" }, { single: "one" }, {}]);
  await control.secrets.put(github, { values: { token: "v2" } });
  expect(secretsOf(one)).toEqual({ "github/token": "v2" });
});

test("a key that anything refers to stays, and who does is said", async () => {
  await using host = new TestHost();
  const { control, gateway } = await host.daemon();
  await control.secrets.put(github, { values: { token: "v1", other: "x", token2: "x" } });
  const egressPolicy = putting({ secretId: "github", secretKey: "token" });
  const sandbox = await control.sandboxes.create(group, { ...debian, egressPolicy }, never);
  const put = (values: Record<string, string>) => control.secrets.put(github, { values });
  const inUse = (values: Record<string, string>, field: { value: string; message: string }) =>
    expect(put(values)).rejects.toMatchObject({
      ...{ code: "SecretInUse", field: "values", value: field.value },
      message: expect.stringContaining(field.message),
    });
  await inUse({ renamed: "v3" }, { value: "token", message: `the key token of the secret github` });
  await inUse({ token2: "v3", other: "x" }, { value: "token", message: `the sandbox ${sandbox.id}` });
  expect(await control.secrets.get(github)).toMatchObject({ version: 1 });
  expect(gateway.inForce.get(sandbox.id)?.secrets).toEqual({ "github/token": "v1" });
  await put({ token: "v2" });
  const secrets = { TOKEN: { secretId: "github", secretKey: "token" } };
  const given = await control.sandboxes.create(group, { ...debian, secrets }, never);
  await control.egress.setPolicy(sandbox, { defaultAction: "Deny" });
  await inUse({ renamed: "v3" }, { value: "token", message: `the sandbox ${given.id}` });
  await control.sandboxes.delete(given, never);
  expect(await put({ renamed: "v3" })).toMatchObject({ keys: ["renamed"] });
});

test("an only key may be renamed where nothing names it, and gets no other beside it", async () => {
  await using host = new TestHost();
  const { control, gateway } = await host.daemon();
  await control.secrets.put(github, { values: { token: "v1" } });
  await control.egress.policies.put({ group, egressPolicyId: "web" }, { policy: asking({ secretId: "github" }) });
  const sandbox = await control.sandboxes.create(group, { ...debian, egressPolicyId: "web" }, never);
  await control.secrets.put(github, { values: { renamed: "v2" } });
  expect(gateway.inForce.get(sandbox.id)?.secrets).toEqual({ github: "v2" });
  const two = { values: { renamed: "v2", other: "x" } };
  const inUse = (who: string) =>
    expect(control.secrets.put(github, two)).rejects.toMatchObject({
      ...{ code: "SecretInUse", field: "values" },
      message: expect.stringContaining(who),
    });
  await inUse("the egress policy web");
  const named = asking({ secretId: "github", secretKey: "renamed" });
  await control.egress.policies.put({ group, egressPolicyId: "web" }, { policy: named });
  const given = await control.sandboxes.create(group, { ...debian, secrets: { A: { secretId: "github" } } }, never);
  await inUse(`the sandbox ${given.id}`);
  await control.sandboxes.delete(given, never);
  expect(await control.secrets.put(github, two)).toMatchObject({ keys: ["other", "renamed"] });
});

test("a reference is kept with its key behind its id, however it was written: by that it is found", () => {
  const written = JSON.stringify(SecretRef.parse({ format: "{value}", secretKey: "token", secretId: "github" }));
  expect(written).toContain('"secretId":"github","secretKey":"token"');
});

test("the gateway has the hosts of those that have any, new ones when the call answers", async () => {
  await using host = new TestHost();
  const { control, gateway } = await host.daemon();
  await control.secrets.put(github, { values: { token: "v1" }, hosts: ["api.test"] });
  await control.secrets.put({ group, secretId: "free" }, { values: { token: "v1" } });
  const rules = [...(putting({ secretId: "github" }).rules ?? []), ...(asking({ secretId: "free" }).rules ?? [])];
  const egressPolicy: EgressPolicy = { defaultAction: "Deny", rules };
  const { id } = await control.sandboxes.create(group, { ...debian, egressPolicy }, never);
  expect(gateway.inForce.get(id)).toMatchObject({ secretHosts: { github: ["api.test"] } });
  await control.secrets.put(github, { values: { token: "v1" }, hosts: ["other.test"] });
  expect(gateway.inForce.get(id)?.secretHosts).toEqual({ github: ["other.test"] });
  await control.secrets.put(github, { values: { token: "v1" }, hosts: [] });
  expect(gateway.inForce.get(id)?.secretHosts).toEqual({});
});

test("a policy that names a secret or a key that is not there is refused wherever it is set, by its field", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.secrets.put(github, { values: { token: "v1", other: "x" } });
  const sandbox = await control.sandboxes.create(group, debian, never);
  const gone = putting({ secretId: "gone" });
  const within = "rules[0].action.headers[0].valueRef.secretRef";
  const refused = (setting: Promise<unknown>, field: string, code = "SecretNotFound") =>
    expect(setting).rejects.toMatchObject({ code, field });
  await refused(control.egress.setPolicy(sandbox, gone), `${within}.secretId`);
  await refused(
    control.egress.setPolicy(sandbox, putting({ secretId: "github", secretKey: "no" })),
    `${within}.secretKey`,
  );
  await refused(
    control.egress.setPolicy(sandbox, putting({ secretId: "github" })),
    `${within}.secretKey`,
    "InvalidRequest",
  );
  const create = control.sandboxes.create(group, { ...debian, egressPolicy: gone }, never);
  await refused(create, `egressPolicy.${within}.secretId`);
  const defaults = control.groups.update(group, { defaults: { egressPolicy: gone } });
  await refused(defaults, `defaults.egressPolicy.${within}.secretId`);
  const named = control.egress.policies.put({ group, egressPolicyId: "web" }, { policy: asking({ secretId: "gone" }) });
  await refused(named, "policy.rules[0].hookRef.authHeaders[0].valueRef.secretRef.secretId");
  await control.groups.create({ name: "elsewhere" });
  const foreign = { ...debian, egressPolicy: putting({ secretId: "github", secretKey: "token" }) };
  await refused(control.sandboxes.create("elsewhere", foreign, never), `egressPolicy.${within}.secretId`);
});

test("a secret that anything refers to stays, and who does is said", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const egressPolicy = putting({ secretId: "github" });
  await control.secrets.put(github, { values: { token: "v1" } });
  await control.secrets.put({ group, secretId: "github2" }, { values: { token: "v1" } });
  const inUse = async (who: string) =>
    expect(control.secrets.delete(github)).rejects.toMatchObject({
      code: "SecretInUse",
      message: expect.stringContaining(who),
    });
  const sandbox = await control.sandboxes.create(group, { ...debian, egressPolicy }, never);
  await inUse(`the sandbox ${sandbox.id}`);
  const { id: snapshotId } = await control.snapshots.take(sandbox, {}, never);
  await control.sandboxes.delete(sandbox, never);
  await inUse(`the snapshot ${snapshotId}`);
  await control.snapshots.delete({ group, snapshotId });
  await control.egress.policies.put({ group, egressPolicyId: "web" }, { policy: egressPolicy });
  await inUse("the egress policy web");
  await control.egress.policies.delete({ group, egressPolicyId: "web" });
  await control.groups.update(group, { defaults: { egressPolicy } });
  await inUse("the group's defaults");
  await control.groups.update(group, { defaults: { egressPolicy: null } });
  // A text that only looks as if it referred to it.
  const named = {
    defaultAction: "Deny",
    rules: [
      {
        name: "note",
        match: { host: "a.test" },
        action: { type: "Transform", headers: [{ operation: "Set", name: "X-Note", value: '"secretId":"github"' }] },
      },
    ],
  } satisfies EgressPolicy;
  const other = {
    ...debian,
    egressPolicy: { ...named, rules: [...named.rules, ...(putting({ secretId: "github2" }).rules ?? [])] },
  };
  await control.sandboxes.create(group, other, never);
  await control.secrets.delete(github);
});

test("without the key the rest goes on, and nothing is reached that needs a secret", async () => {
  using keys = temporaryDirectory();
  const secretsKeyFile = `${keys.path}/master.key`;
  await using host = new TestHost();
  const daemon = await host.daemon({ store: { secretsKeyFile } });
  await daemon.control.secrets.put(github, { values: { token: "v1" } });
  const egressPolicy = putting({ secretId: "github" });
  const sandbox = await daemon.control.sandboxes.create(group, { ...debian, egressPolicy }, never);
  await daemon.close();
  rmSync(secretsKeyFile);
  const { control, gateway } = await host.daemon({ store: { secretsKeyFile } });
  expect(gateway.inForce.get(sandbox.id)).toMatchObject({ policy: egressPolicy, secrets: {} });
  const unreadable = { code: "SecretsUnreadable" };
  await expect(control.secrets.peek(github, undefined)).rejects.toMatchObject(unreadable);
  await expect(control.secrets.put(github, { values: { token: "v2" } })).rejects.toMatchObject(unreadable);
  const confidential = { ...debian, secretEnvironment: { TOKEN: "x" } };
  await expect(control.sandboxes.create(group, confidential, never)).rejects.toMatchObject(unreadable);
  expect(await control.secrets.get(github)).toMatchObject({ keys: ["token"], version: 1 });
  await control.sandboxes.create(group, debian, never);
});

test("a test of a policy warns where a secret's hosts are seen not to be those that it would go to", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.secrets.put(github, { values: { token: "v1" }, hosts: ["*.API.test"] });
  await control.secrets.put({ group, secretId: "free" }, { values: { token: "v1" } });
  const headers = (secretId: string) => [
    { operation: "Set" as const, name: "X-Key", valueRef: { secretRef: { secretId } } },
  ];
  const put = (name: string, host: string, more: object = {}, secretId = "github") => ({
    ...{ name, match: { host, scheme: "https" as const } },
    action: { type: "Rewrite" as const, path: "/x", headers: headers(secretId), ...more },
  });
  const hook = (endpoint: string) => ({ endpoint, authHeaders: headers("github") });
  const rules: EgressPolicy["rules"] = [
    put("free", "a.test", {}, "free"),
    put("any", "*.test"),
    put("own", "api.test"),
    put("other", "OTHER.test"),
    put("elsewhere", "eu.api.test", { host: "evil.test" }),
    put("back", "evil.test", { host: "us.api.test" }),
    { name: "asks", match: { host: "*" }, hookRef: hook("https://evil.test/x") },
    { name: "asks-it", match: { host: "evil.test" }, hookRef: hook("https://api.test/x") },
  ];
  const policy: EgressPolicy = { defaultAction: "Deny", rules };
  const { warnings } = await control.egress.test(group, { url: "https://other.test/", policy });
  const ours = warnings.filter(({ code }) => code === "SecretNotForHost");
  expect(ours.map(({ field }) => field)).toEqual([
    "rules[3].action.headers[0].valueRef.secretRef",
    "rules[4].action.headers[0].valueRef.secretRef",
    "rules[6].hookRef.authHeaders[0].valueRef.secretRef",
  ]);
  expect(ours[1]?.message).toBe(
    'rule "elsewhere" cannot have the secret github: it goes to its own hosts alone, and evil.test is none of them.',
  );
  const { id } = await control.sandboxes.create(group, { ...debian, egressPolicy: policy }, never);
  const tested = await control.egress.testSandbox({ group, id }, { url: "https://other.test/" });
  expect(tested.warnings).toEqual(warnings);
});
