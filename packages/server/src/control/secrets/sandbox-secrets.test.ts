import { Readable } from "node:stream";
import type { CreateSandbox } from "@alcove/contract";
import { expect, test } from "vitest";
import type { MachineSpec } from "../../engines/engine.js";
import { emptySnapshotArchive } from "../../http/snapshot-archive-test-kit.js";
import { debian, group, never, TestHost, withMembers } from "../test-daemon.js";

const github = { group, secretId: "github" };
const plain = { group, secretId: "plain" };
const ada = { maker: "key:ada" };
const bob = { maker: "key:bob" };
const withToken: CreateSandbox = {
  ...debian,
  secrets: {
    TOKEN: { secretId: "github", secretKey: "token" },
    REAL: { secretId: "plain", delivery: "Value" },
  },
};
const text = /^alcove-secret-[A-Za-z0-9_-]{32}$/;

/** A daemon with a secret, and what its engine was told of the environment of each sandbox that started last. */
async function prepared(host: TestHost) {
  const told = new Map<string, MachineSpec["environment"]>();
  const daemon = await host.daemon({
    engine: (engine) => ({
      ...withMembers(engine),
      start(spec, signal) {
        told.set(spec.id, spec.environment);
        return engine.start(spec, signal);
      },
    }),
  });
  await daemon.control.secrets.put(github, { values: { token: "v4lue", other: "x" }, hosts: ["api.test"] });
  await daemon.control.secrets.put(plain, { values: { token: "v4lue" } });
  const placed = ({ id }: { id: string }) => daemon.gateway.inForce.get(id)?.placeholders ?? [];
  return { ...daemon, told, placed, tokenOf: ({ id }: { id: string }) => told.get(id)?.TOKEN ?? "" };
}

test("a sandbox has a placeholder that stands for the value on the way to the secret's hosts alone, or the value itself", async () => {
  await using host = new TestHost();
  const { control, gateway, store, told, placed, tokenOf } = await prepared(host);
  const sandbox = await control.sandboxes.create(group, { ...withToken, environment: { OWN: "1" } }, never, ada);
  const other = await control.sandboxes.create(group, withToken, never, ada);
  expect(told.get(sandbox.id)).toMatchObject({ OWN: "1", TOKEN: expect.stringMatching(text), REAL: "v4lue" });
  expect(tokenOf(other)).not.toBe(tokenOf(sandbox));
  expect(placed(sandbox)).toEqual([{ text: tokenOf(sandbox), secret: "github/token", hosts: ["api.test"] }]);
  expect(gateway.inForce.get(sandbox.id)?.secrets).toEqual({ "github/token": "v4lue" });
  expect(JSON.stringify(store.secretUses.of(sandbox.id))).not.toContain("v4lue");

  await control.secrets.put(github, { values: { token: "v5" }, hosts: ["*.api.test"] });
  await control.secrets.put(plain, { values: { token: "v5" } });
  expect(placed(sandbox)).toMatchObject([{ text: tokenOf(sandbox), hosts: ["*.api.test"] }]);
  expect(gateway.inForce.get(sandbox.id)).toMatchObject({
    secrets: { "github/token": "v5" },
    secretHosts: { "github/token": ["*.api.test"] },
  });
  const before = tokenOf(sandbox);
  await control.sandboxes.stop(sandbox, {}, never);
  await control.sandboxes.resume(sandbox, {}, never);
  expect(told.get(sandbox.id)).toMatchObject({ TOKEN: before, REAL: "v5" });
  await expect(control.secrets.delete(github)).rejects.toMatchObject({ code: "SecretInUse" });
  for (const one of [sandbox, other]) await control.sandboxes.delete(one, never);
  expect(store.secretUses.of(sandbox.id)).toEqual([]);
  await control.secrets.delete(github);
});

test("copies have placeholders of their own, and those that their memory holds, if the same one makes them", async () => {
  await using host = new TestHost();
  const { control, placed, told, tokenOf } = await prepared(host);
  const source = await control.sandboxes.create(group, withToken, never, ada);
  const { id: snapshotId } = await control.snapshots.take(source, {}, never);
  const { sandboxes: forks } = await control.snapshots.fork(source, { count: 2 }, never, ada);
  const sourcesRef = { snapshot: { id: snapshotId } };
  const started = await control.sandboxes.create(group, { sourcesRef }, never, ada);
  const [fork] = forks;
  if (fork === undefined) throw new Error("there is no fork");
  const { sandboxes: grandchildren } = await control.snapshots.fork(fork, { count: 1 }, never, ada);
  for (const copy of [...forks, started]) {
    expect(told.get(copy.id)).toMatchObject({ TOKEN: expect.stringMatching(text), REAL: "v4lue" });
    expect(
      placed(copy)
        .map((one) => one.text)
        .sort(),
    ).toEqual([tokenOf(copy), tokenOf(source)].sort());
  }
  expect(new Set([source, ...forks, started, ...grandchildren].map(tokenOf)).size).toBe(5);
  expect(placed(grandchildren[0] ?? source)).toHaveLength(3);
  await control.snapshots.rollback(started, { snapshotId }, never);
  expect(placed(started).map((one) => one.text)).toContain(tokenOf(source));
});

test("another one's copies have nothing of its secrets", async () => {
  await using host = new TestHost();
  const { control, gateway, store, told } = await prepared(host);
  const body = { ...withToken, secretEnvironment: { PRIVATE: "c4nary" } };
  const source = await control.sandboxes.create(group, body, never, ada);
  const unknown = await control.sandboxes.create(group, body, never);
  const { id: snapshotId } = await control.snapshots.take(source, {}, never);
  const sourcesRef = { snapshot: { id: snapshotId } };
  const copies = [
    ...(await control.snapshots.fork(source, { count: 1 }, never, bob)).sandboxes,
    ...(await control.snapshots.fork(source, { count: 1 }, never)).sandboxes,
    ...(await control.snapshots.fork(unknown, { count: 1 }, never)).sandboxes,
    await control.sandboxes.create(group, { sourcesRef }, never, bob),
    await control.sandboxes.create(group, { sourcesRef: { snapshot: { id: snapshotId, from: "Disk" } } }, never, bob),
  ];
  const [first] = copies;
  if (first === undefined) throw new Error("there is no copy");
  // Nor is it had again by way of one that had nothing.
  copies.push(...(await control.snapshots.fork(first, { count: 1 }, never, ada)).sandboxes);
  expect(copies).toHaveLength(6);
  for (const { id } of copies) {
    expect(told.get(id)).not.toHaveProperty("TOKEN");
    expect(told.get(id)).not.toHaveProperty("REAL");
    expect(gateway.inForce.get(id)).toMatchObject({ secrets: {}, placeholders: [] });
    expect(store.secrets.names(id)).toEqual([]);
  }
  await control.snapshots.rollback(copies[3] ?? source, { snapshotId }, never);
  expect(gateway.inForce.get(copies[3]?.id ?? "")?.placeholders).toEqual([]);
});

test("an archive has no reference to a secret: rules that need one deny", async () => {
  await using host = new TestHost();
  const { control } = await prepared(host);
  const valueRef = { secretRef: { secretId: "github", secretKey: "token" } };
  const headers = [{ operation: "Set" as const, name: "Authorization", valueRef }];
  const rules = [{ name: "put", match: { host: "api.test" }, action: { type: "Transform" as const, headers } }];
  const egressPolicy = { defaultAction: "Allow" as const, rules };
  const source = await control.sandboxes.create(group, { ...withToken, egressPolicy }, never, ada);
  const { id: snapshotId } = await control.snapshots.take(source, {}, never);
  const { content } = await control.snapshots.export({ group, snapshotId }, never);
  const bytes = Buffer.concat(await content.toArray());
  expect(bytes.toString("latin1")).not.toMatch(/github|alcove-secret-|v4lue|secretRef/);
  const { id } = await control.snapshots.import(
    { group },
    (async function* () {
      yield bytes;
    })(),
    never,
  );
  const copy = await control.sandboxes.create(group, { sourcesRef: { snapshot: { id } } }, never, ada);
  const denied = { defaultAction: "Allow", rules: [{ ...rules[0], action: { type: "Deny" } }] };
  expect((await control.sandboxes.get(copy)).egressPolicy).toEqual(denied);
});

test("an archive whose policy names a secret is refused: whoever made it would have it sent anywhere", async () => {
  await using host = new TestHost();
  const { control } = await prepared(host);
  const valueRef = { secretRef: { secretId: "github", secretKey: "token" } };
  const headers = [{ operation: "Set", name: "X-Any", valueRef }];
  const rules = [{ name: "steal", match: { host: "evil.test" }, action: { type: "Transform", headers } }];
  const importing = (policy: object) => {
    const bytes = emptySnapshotArchive({ egress: { policy, names: [] } });
    return control.snapshots.import({ group }, Readable.from([bytes]), never);
  };
  await expect(importing({ defaultAction: "Allow", rules })).rejects.toMatchObject({
    code: "InvalidRequest",
    message: expect.stringContaining("names secrets, tokens or routes"),
  });
  expect(await control.snapshots.list(group, {})).toEqual([]);
  expect(await importing({ defaultAction: "Allow" })).toMatchObject({ status: "Ready" });
});

test("a variable that is given twice, and a secret that is not there, are refused by their field", async () => {
  await using host = new TestHost();
  const { control } = await prepared(host);
  const refused = (body: CreateSandbox, code: string, field: string) =>
    expect(control.sandboxes.create(group, { ...debian, ...body }, never, ada)).rejects.toMatchObject({ code, field });
  const { secrets } = withToken;
  await refused({ secrets, environment: { TOKEN: "1" } }, "InvalidRequest", "secrets.TOKEN");
  await refused({ secrets, secretEnvironment: { REAL: "1" } }, "InvalidRequest", "secrets.REAL");
  await refused({ secrets: { A: { secretId: "gone" } } }, "SecretNotFound", "secrets.A.secretId");
  await refused({ secrets: { A: { secretId: "github", secretKey: "no" } } }, "SecretNotFound", "secrets.A.secretKey");
  await refused({ secrets: { A: { secretId: "github" } } }, "InvalidRequest", "secrets.A.secretKey");
  const long = Object.fromEntries([1, 2, 3].map((number) => [`key${number}`, "x".repeat(30_000)]));
  await control.secrets.put({ group, secretId: "long" }, { values: long });
  const delivery = "Value" as const;
  const all = Object.fromEntries(
    Object.keys(long).map((secretKey) => [secretKey, { secretId: "long", secretKey, delivery }]),
  );
  await refused({ secrets: all }, "InvalidRequest", "secrets");
  const source = await control.sandboxes.create(group, { ...debian, environment: { TOKEN: "1" } }, never, ada);
  const { id } = await control.snapshots.take(source, {}, never);
  const again = { sourcesRef: { snapshot: { id } }, secrets };
  await expect(control.sandboxes.create(group, again, never, ada)).rejects.toMatchObject({ field: "secrets.TOKEN" });
});

test("a sandbox with secrets is taken from a pool as others are", async () => {
  await using host = new TestHost();
  const { control, placed } = await prepared(host);
  await control.pools.put(group, "fast", { sourcesRef: { diskImage: { name: "debian" } }, minimum: 1 });
  await expect.poll(async () => (await control.pools.get(group, "fast")).ready).toBe(1);
  const sandbox = await control.sandboxes.create(group, withToken, never, ada);
  expect((await control.pools.get(group, "fast")).claimed).toBe(1);
  const guest = host.fake.machines.get(sandbox.id);
  expect(guest).toBeDefined();
  expect(placed(sandbox)).toHaveLength(1);
});

test("the value of a secret that has hosts comes into no sandbox", async () => {
  await using host = new TestHost();
  const { control } = await prepared(host);
  const asked = { REAL: { secretId: "github", secretKey: "token", delivery: "Value" as const } };
  await expect(control.sandboxes.create(group, { ...debian, secrets: asked }, never, ada)).rejects.toMatchObject({
    ...{ code: "InvalidRequest", field: "secrets.REAL.delivery", value: "Value" },
    ...{
      message: expect.stringContaining("goes to its own hosts alone"),
      hint: expect.stringContaining("placeholder"),
    },
  });
  expect(await control.sandboxes.list(group, {})).toEqual([]);
});

test("where a secret gets hosts, sandboxes that have its value have no such variable from then on, nor have their copies", async () => {
  await using host = new TestHost();
  const { control, told } = await prepared(host);
  const sandbox = await control.sandboxes.create(group, withToken, never, ada);
  const { id: snapshotId } = await control.snapshots.take(sandbox, {}, never);
  expect(told.get(sandbox.id)).toMatchObject({ REAL: "v4lue" });
  await control.secrets.put(plain, { values: { token: "v5" }, hosts: ["api.test"] });
  expect(host.fake.machines.get(sandbox.id)).toBeDefined();
  await control.sandboxes.stop(sandbox, {}, never);
  await control.sandboxes.resume(sandbox, {}, never);
  expect(told.get(sandbox.id)).not.toHaveProperty("REAL");
  const copy = await control.sandboxes.create(group, { sourcesRef: { snapshot: { id: snapshotId } } }, never, ada);
  expect(told.get(copy.id)).toHaveProperty("TOKEN");
  expect(told.get(copy.id)).not.toHaveProperty("REAL");
  await control.secrets.put(plain, { values: { token: "v6" }, hosts: [] });
  await control.sandboxes.stop(sandbox, {}, never);
  await control.sandboxes.resume(sandbox, {}, never);
  expect(told.get(sandbox.id)).toMatchObject({ REAL: "v6" });
});
