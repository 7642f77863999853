import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { debian, group, never, type TestDaemon, TestHost } from "../test-daemon.js";

async function exported({ control }: Pick<TestDaemon, "control">, snapshotId: string): Promise<Buffer> {
  const { content, sizeBytes } = await control.snapshots.export({ group, snapshotId }, never);
  const bytes = await buffer(content);
  expect(bytes.length).toBe(sizeBytes);
  return bytes;
}

async function withArchive(host: TestHost) {
  const daemon = await host.daemon();
  const { control } = daemon;
  const options = { ...debian, labels: { a: "b" }, cmd: ["sleep", "600"], environment: { COLOUR: "red" } };
  const box = await control.sandboxes.create(group, options, never);
  await control.execs.runShellCommand(box, { command: "echo kept > /root/note" }, never);
  const snapshot = await control.snapshots.take(box, { name: "first", labels: { run: "1" } }, never);
  return { daemon, control, box, snapshot, archive: await exported(daemon, snapshot.id) };
}

function take({ control }: Pick<TestDaemon, "control">, bytes: Uint8Array | AsyncIterable<Uint8Array>, order = {}) {
  const content = bytes instanceof Uint8Array ? Readable.from([bytes]) : bytes;
  return control.snapshots.import({ group, ...order }, content, never);
}

test("what was exported goes on elsewhere, with its name, labels and way to be run, under an id of its own", async () => {
  await using host = new TestHost();
  const { archive, snapshot, box } = await withArchive(host);
  await using other = new TestHost();
  const daemon = await other.daemon();
  const { control } = daemon;
  const taken = await take(daemon, archive);
  expect(taken).toMatchObject({
    ...{ status: "Ready", name: "first", labels: { run: "1" }, mode: "Memory", sandboxId: box.id, image: "debian" },
    resources: snapshot.resources,
  });
  expect(taken.id).not.toBe(snapshot.id);
  const child = await control.sandboxes.create(group, { sourcesRef: { snapshot: { id: taken.id } } }, never);
  const run = await control.execs.runShellCommand(child, { command: "cat /root/note; echo $COLOUR" }, never);
  expect(run.stdout).toBe("kept\nred\n");
  await control.sandboxes.stop(child, {}, never);
  expect(await control.sandboxes.resume(child, {}, never)).toMatchObject({ state: "Running" });
});

test("name and labels of the request come before those of the archive; its bytes may come one by one", async () => {
  await using host = new TestHost();
  const { daemon, archive } = await withArchive(host);
  const pieces = async function* () {
    for (let at = 0; at < archive.length; at += 7) yield archive.subarray(at, at + 7);
  };
  const taken = await take(daemon, pieces(), { name: "again", labels: { run: "2" } });
  expect(taken).toMatchObject({ name: "again", labels: { run: "2" } });
});

test("an archive that is altered anywhere, breaks off or goes on is refused, and leaves nothing", async () => {
  await using host = new TestHost();
  const { daemon, control, archive } = await withArchive(host);
  const [first, second] = [0, 512 + Math.ceil(manifestBytes(archive) / 512) * 512];
  const flipped = (at: number) => {
    const bytes = Buffer.from(archive);
    bytes[at] = (bytes[at] ?? 0) ^ 0x20;
    return bytes;
  };
  const inContent = [first, first + 124, first + 512, first + 900, second, second + 124, second + 512, second + 1_200];
  const bad = [
    ...inContent.map(flipped),
    flipped(archive.length - 600),
    flipped(archive.length - 1),
    ...[0, 100, 512, 1_000, second, second + 600, archive.length - 512].map((end) => archive.subarray(0, end)),
    Buffer.concat([archive, Buffer.alloc(64 * 512)]),
    Buffer.concat([archive, Buffer.from("more")]),
    Buffer.concat([archive.subarray(0, second), archive.subarray(first, second), archive.subarray(second)]),
  ];
  const seen = await Promise.all(bad.map((bytes) => take(daemon, bytes).catch((error: unknown) => error)));
  for (const error of seen) expect(error).toMatchObject({ code: "InvalidRequest", field: "body" });
  expect(await control.snapshots.count(group, {})).toBe(1);
  expect(host.fake.snapshots.size).toBe(1);
});

test("a manifest that names a path, another version, another engine or more than its size has is refused by name", async () => {
  await using host = new TestHost();
  const { daemon, archive } = await withArchive(host);
  const changed = (from: string, to: string) => withManifest(archive, (text) => text.replace(from, to));
  await expect(take(daemon, changed('"name": "tree"', '"name": "../tree"'))).rejects.toThrow("parts.0.name");
  await expect(take(daemon, changed('"formatVersion": 1', '"formatVersion": 2'))).rejects.toThrow("reads version 1");
  await expect(take(daemon, changed('"engine": "fake"', '"engine": "other"'))).rejects.toMatchObject({
    code: "SnapshotIncompatible",
  });
  const vast = withManifest(archive, (text) => text.replace(/"sizeBytes": \d+/, '"sizeBytes": 9000000000000'));
  await expect(take(daemon, vast)).rejects.toThrow("no more than");
  await expect(take(daemon, changed('"labels"', '"extra": 1, "labels"'))).rejects.toThrow("manifest.json");
});

test("a sandbox does not go back to an archive's snapshot of another size, and runs on as it was", async () => {
  await using host = new TestHost();
  const { daemon, control, box, archive } = await withArchive(host);
  const larger = withManifest(archive, (text) => text.replace(/"memoryMiB": \d+/, '"memoryMiB": 4096'));
  const taken = await take(daemon, larger);
  expect(taken).toMatchObject({ sandboxId: box.id, resources: { ...box.resources, memory: "4096Mi" } });
  await expect(control.snapshots.rollback(box, { snapshotId: taken.id }, never)).rejects.toMatchObject({
    ...{ code: "InvalidRequest", field: "snapshotId" },
    message: expect.stringContaining("4096Mi"),
    hint: "Create a sandbox from it instead.",
  });
  expect(await control.sandboxes.get(box)).toMatchObject({ state: "Running", generation: 1 });
  const same = await take(daemon, archive);
  await expect(control.snapshots.rollback(box, { snapshotId: same.id }, never)).resolves.toMatchObject({
    ...{ state: "Running", generation: 2 },
  });
});

test("a snapshot whose bytes are gone says so when it is exported", async () => {
  await using host = new TestHost();
  const { daemon, snapshot } = await withArchive(host);
  await daemon.close();
  host.fake.snapshots.clear();
  const { control } = await host.daemon();
  await expect(control.snapshots.export({ group, snapshotId: snapshot.id }, never)).rejects.toMatchObject({
    code: "SnapshotIncompatible",
    message: expect.stringContaining("its bytes are not on this host"),
  });
});

test("an archive that never ends is not read to its end, and quota and disk are asked before anything is taken", async () => {
  await using host = new TestHost();
  const { daemon, control, archive } = await withArchive(host);
  let given = 0;
  const endless = async function* () {
    yield archive;
    for (;;) {
      given += 1;
      yield Buffer.alloc(65_536);
    }
  };
  await expect(take(daemon, endless())).rejects.toMatchObject({ code: "InvalidRequest" });
  expect(given).toBeLessThan(10);
  await control.groups.create({ name: "team", quota: { snapshots: 0 } });
  let isRead = false;
  const watched = async function* () {
    isRead = true;
    yield archive;
  };
  await expect(take(daemon, watched(), { group: "team" })).rejects.toMatchObject({ code: "QuotaExceeded" });
  host.facts.disk = async () => ({ freeBytes: 1_000, totalBytes: 200_000_000_000 });
  await expect(take(daemon, watched())).rejects.toMatchObject({ code: "DiskFull" });
  expect(isRead).toBe(false);
});

test("a snapshot that is deleted while it is exported stays until its archive has been read, or nobody reads it", async () => {
  await using host = new TestHost();
  const { control, snapshot } = await withArchive(host);
  const ref = { group, snapshotId: snapshot.id };
  const archive = await control.snapshots.export(ref, never);
  await control.snapshots.delete(ref);
  expect(host.fake.snapshots.size).toBe(1);
  archive.content.destroy();
  await expect.poll(() => host.fake.snapshots.size).toBe(0);
  await expect(control.snapshots.export(ref, never)).rejects.toMatchObject({ code: "SnapshotNotFound" });
});

/** With another manifest, its size in the header. */
function withManifest(archive: Buffer, change: (text: string) => string): Buffer {
  const size = manifestBytes(archive);
  const text = Buffer.from(change(archive.toString("utf8", 512, 512 + size)));
  const header = Buffer.from(archive.subarray(0, 512));
  header.write(`${text.length.toString(8).padStart(11, "0")} `, 124, "latin1");
  header.write("        ", 148, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  const rest = archive.subarray(512 + Math.ceil(size / 512) * 512);
  return Buffer.concat([header, text, Buffer.alloc((512 - (text.length % 512)) % 512), rest]);
}

function manifestBytes(archive: Buffer): number {
  return Number.parseInt(archive.toString("latin1", 124, 135), 8);
}
