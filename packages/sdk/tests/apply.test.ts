import type { SandboxManifest } from "@alcove/contract";
import { Alcove } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Served, serve } from "../../server/src/http/serve-for-tests.js";
import { handedOver } from "../src/apply/volumes-field.js";

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
  ports: [
    { port: 8080, auth: { anonymous: true } },
    { port: 3000, name: "web" },
  ],
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
    ports: [{ port: 8080 }, { port: 3000, name: "web" }],
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

test("ports are all that the manifest names, whatever their order; without the field they are left", async () => {
  const base: SandboxManifest = { name: "ported", image: "debian" };
  const web = { port: 3000, name: "web", cors: { allowOrigins: ["*"] } };
  const { id = "" } = await alcove.sandboxes.apply({ ...base, ports: [web, { port: 80 }] });
  const { ports } = alcove.sandboxes.connect(id);
  expect(await alcove.sandboxes.apply({ ...base, ports: [{ port: 80, auth: {} }, web] })).toMatchObject({
    action: "unchanged",
  });
  expect(await alcove.sandboxes.apply({ ...base, ports: [web] })).toMatchObject({ id, changed: ["ports"] });
  expect((await ports.list()).map(({ port }) => port)).toEqual([3000]);
  expect(await alcove.sandboxes.apply({ ...base, ports: [{ ...web, cors: undefined }] })).toMatchObject({
    changed: ["ports"],
  });
  expect((await ports.get("web")).cors).toBeUndefined();
  expect(await alcove.sandboxes.apply(base)).toMatchObject({ action: "unchanged" });
  expect(await ports.list()).toHaveLength(1);
  expect(await alcove.sandboxes.apply({ ...base, ports: [] })).toMatchObject({ changed: ["ports"] });
  expect(await ports.list()).toEqual([]);
});

test("volumes are mounted where they are not, moved where they are elsewhere, and never taken away", async () => {
  const { volumes } = alcove.defaultGroup;
  for (const name of ["code", "cache"]) await volumes.create(name, { size: "64Mi" });
  const base: SandboxManifest = { name: "mounted", image: "debian" };
  const code = { volumeName: "code", mountpoint: "/code" };
  const cache = { volumeName: "cache", mountpoint: "/cache", readOnly: true };
  const { id = "" } = await alcove.sandboxes.apply({ ...base, volumes: [code] });
  const mounts = async () => (await alcove.sandboxes.connect(id).info()).volumes;
  expect(await mounts()).toMatchObject([code]);
  expect(await alcove.sandboxes.apply({ ...base, volumes: [code] })).toMatchObject({
    action: "unchanged",
    besides: [],
  });
  expect(await alcove.sandboxes.apply({ ...base, volumes: [cache] })).toMatchObject({
    ...{ id, changed: ["volumes"], besides: ["the volume code on /code"] },
  });
  expect(await mounts()).toMatchObject([code, cache]);
  const moved = { ...code, mountpoint: "/srv/code" };
  expect(await alcove.sandboxes.apply({ ...base, volumes: [moved, cache] })).toMatchObject({ changed: ["volumes"] });
  expect(await mounts()).toEqual(
    expect.arrayContaining([expect.objectContaining(moved), expect.objectContaining(cache)]),
  );
  await alcove.sandboxes.connect(id).delete();
});

test("one that is made anew has the volumes of the old one; where it cannot be, the old one has them still", async () => {
  const { volumes } = alcove.defaultGroup;
  await volumes.create("kept", { size: "64Mi" });
  const mounted = [{ volumeName: "kept", mountpoint: "/kept" }];
  const base: SandboxManifest = { name: "anew", image: "debian", volumes: mounted };
  const { id = "" } = await alcove.sandboxes.apply(base);
  const impossible: SandboxManifest = { ...base, image: "nowhere" };
  await expect(alcove.sandboxes.apply(impossible, { recreate: true })).rejects.toMatchObject({ code: "ImageNotFound" });
  expect((await alcove.sandboxes.connect(id).info()).volumes).toMatchObject(mounted);
  const recreated = await alcove.sandboxes.apply({ ...base, cmd: ["sleep", "60"] }, { recreate: true });
  expect(recreated).toMatchObject({ action: "recreated", changed: ["cmd"] });
  expect((await volumes.get("kept")).attachments).toMatchObject([{ sandboxId: recreated.id }]);
});

test("one that is made anew is without the volumes that the manifest does not name, which is told", async () => {
  const { volumes } = alcove.defaultGroup;
  await volumes.create("left", { size: "64Mi" });
  const base: SandboxManifest = { name: "without", image: "debian" };
  await alcove.sandboxes.apply({ ...base, volumes: [{ volumeName: "left", mountpoint: "/left" }] });
  const longer: SandboxManifest = { ...base, cmd: ["sleep", "60"] };
  const besides = ["the volume left on /left"];
  expect(await alcove.sandboxes.apply(longer, { recreate: true, dryRun: true })).toMatchObject({ besides });
  expect(await alcove.sandboxes.apply(longer, { recreate: true })).toMatchObject({ action: "recreated", besides });
});

test("a volume that cannot be mounted where it shall be is mounted again where it was", async () => {
  const { volumes } = alcove.defaultGroup;
  for (const name of ["moved", "taken"]) await volumes.create(name, { size: "64Mi" });
  const at = (volumeName: string, mountpoint = `/${volumeName}`) => ({ volumeName, mountpoint });
  const base: SandboxManifest = { name: "back", image: "debian", volumes: [at("moved")] };
  const { id = "" } = await alcove.sandboxes.apply(base);
  await alcove.sandboxes.apply({ name: "other", image: "debian", volumes: [at("taken")] });
  const impossible = { ...base, volumes: [at("taken"), at("moved", "/elsewhere")] };
  await expect(alcove.sandboxes.apply(impossible)).rejects.toMatchObject({ code: "VolumeInUse" });
  expect((await alcove.sandboxes.connect(id).info()).volumes).toMatchObject([at("moved")]);
});

test("what could not be given back is in the error, with why the new one was not created", async () => {
  const { volumes } = alcove.defaultGroup;
  await volumes.create("lost", { size: "64Mi" });
  const mounted = { volumeName: "lost", mountpoint: "/lost" };
  const { id = "" } = await alcove.sandboxes.apply({ name: "loses", image: "debian", volumes: [mounted] });
  const old = alcove.sandboxes.connect(id);
  const thief = await alcove.sandboxes.create({ image: "debian" });
  const failed = handedOver(old, [mounted], async () => {
    await thief.volumes.attach("lost", "/stolen");
    throw new Error("No new one.");
  });
  await expect(failed).rejects.toThrow(/^No new one\. Volumes of .* not mounted any more: lost, which was on \/lost: /);
});
