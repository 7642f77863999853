import type { SandboxManifest } from "@alcove/contract";
import { Alcove } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Served, serve } from "../../server/src/http/serve-for-tests.js";

let served: Served;
let alcove: Alcove;

beforeAll(async () => {
  served = await serve();
  alcove = new Alcove({ socketPath: served.socketPath });
});
afterAll(async () => {
  alcove[Symbol.dispose]();
  await served[Symbol.asyncDispose]();
});

const whole: SandboxManifest = {
  name: "whole",
  image: "debian",
  resources: { cpu: "2", memory: "4Gi" },
  labels: { team: "a" },
  env: { GREETING: "hello" },
  entrypoint: ["sleep"],
  cmd: ["600"],
  workingDirectory: "/tmp",
  lifecycle: { autoSuspendPolicy: { enabled: true, interval: 600 } },
  activationMode: "Manual",
  egressPolicy: { defaultAction: "Deny", hostRules: [{ pattern: "pypi.org", action: "Allow" }] },
};

test("a manifest is created once, with all it says; the same again changes nothing", async () => {
  const created = await alcove.sandboxes.apply(whole);
  expect(created).toMatchObject({ name: "whole", action: "created", id: expect.any(String) });
  const again = await alcove.sandboxes.apply(whole);
  expect(again).toEqual({ ...created, action: "unchanged", notCompared: ["env"] });
  const record = await alcove.sandboxes.connect(created.id ?? "").info();
  expect(record).toMatchObject({
    labels: { name: "whole", team: "a" },
    resources: { cpu: "2000m", memory: "4096Mi" },
    ...{ entrypoint: ["sleep"], cmd: ["600"], workingDirectory: "/tmp", activationMode: "Manual" },
    lifecycle: { autoSuspendPolicy: { enabled: true, interval: 600 } },
    egressPolicy: whole.egressPolicy,
  });
  expect(await alcove.sandboxes.count({ labels: { name: "whole" } })).toBe(1);
});

test("what can be changed is changed in place, labels that it has besides stay", async () => {
  const { id = "" } = await alcove.sandboxes.apply({ name: "changing", image: "debian", labels: { a: "1" } });
  const sandbox = alcove.sandboxes.connect(id);
  await sandbox.setLabels({ besides: "yes" });
  const manifest: SandboxManifest = {
    ...{ name: "changing", image: "debian", labels: { a: "2" } },
    lifecycle: { maximumLifetimeInSeconds: 3_600 },
    egressPolicy: { defaultAction: "Deny", hostRules: [{ pattern: "a.test", action: "Allow" }] },
  };
  const dry = await alcove.sandboxes.apply(manifest, { dryRun: true });
  expect(dry).toMatchObject({ action: "changed", id, changed: ["labels", "lifecycle", "egressPolicy"] });
  expect((await sandbox.info()).labels).toEqual({ name: "changing", a: "1", besides: "yes" });
  expect(await alcove.sandboxes.apply(manifest)).toEqual(dry);
  expect(await sandbox.info()).toMatchObject({
    labels: { name: "changing", a: "2", besides: "yes" },
    lifecycle: { maximumLifetimeInSeconds: 3_600 },
    egressPolicy: manifest.egressPolicy,
  });
  expect(await alcove.sandboxes.apply(manifest)).toMatchObject({ action: "unchanged", changed: [] });
});

test("what takes a new sandbox is told and left, until it shall be a new one", async () => {
  const { id = "" } = await alcove.sandboxes.apply({ name: "new", image: "debian" });
  const larger: SandboxManifest = { name: "new", image: "debian", resources: { memory: "8Gi" }, labels: { a: "1" } };
  expect(await alcove.sandboxes.apply(larger)).toMatchObject({
    ...{ action: "changed", id, changed: ["labels"], needsNew: ["resources"] },
  });
  const would = await alcove.sandboxes.apply(larger, { recreate: true, dryRun: true });
  expect(would).toMatchObject({ action: "recreated", changed: ["resources"], needsNew: [] });
  expect((await alcove.sandboxes.connect(id).info()).resources.memory).toBe("2048Mi");
  const recreated = await alcove.sandboxes.apply(larger, { recreate: true });
  expect(recreated).toMatchObject({ action: "recreated", changed: ["resources"], needsNew: [] });
  const found = await alcove.sandboxes.list({ labels: { name: "new" } }).toArray();
  expect(found.map((one) => one.id)).toEqual([recreated.id]);
  expect(found[0]?.resources.memory).toBe("8192Mi");
});

test("where the new one cannot be created the old one stays", async () => {
  const { id = "" } = await alcove.sandboxes.apply({ name: "stays", image: "debian" });
  const impossible: SandboxManifest = { name: "stays", image: "nowhere" };
  await expect(alcove.sandboxes.apply(impossible, { recreate: true })).rejects.toMatchObject({ code: "ImageNotFound" });
  expect((await alcove.sandboxes.connect(id).info()).state).toBe("Running");
});

test("a name that several sandboxes have is refused, with their ids", async () => {
  const twins = [1, 2].map(() => alcove.sandboxes.create({ image: "debian", labels: { name: "twin" } }));
  const ids = (await Promise.all(twins)).map(({ id }) => id);
  const refused: unknown = await alcove.sandboxes.apply({ name: "twin" }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "InvalidRequest", hint: expect.stringContaining(ids[0] ?? "") });
});

test("one that is over, with nothing kept of it, takes a new one", async () => {
  const manifest: SandboxManifest = { name: "over", image: "debian" };
  const { id = "" } = await alcove.sandboxes.apply(manifest);
  const sandbox = alcove.sandboxes.connect(id);
  await sandbox.exec("poweroff").catch(() => undefined);
  await expect.poll(async () => (await sandbox.info()).state).toBe("Stopped");
  expect(await alcove.sandboxes.apply(manifest)).toMatchObject({ id, needsNew: ["state: it is Stopped"] });
  expect(await alcove.sandboxes.apply(manifest, { recreate: true })).toMatchObject({ action: "recreated" });
});

test("one that sleeps is what the manifest says", async () => {
  const manifest: SandboxManifest = { name: "asleep", image: "debian" };
  const { id = "" } = await alcove.sandboxes.apply(manifest);
  await alcove.sandboxes.connect(id).stop();
  expect(await alcove.sandboxes.apply(manifest)).toMatchObject({ action: "unchanged", needsNew: [] });
});
