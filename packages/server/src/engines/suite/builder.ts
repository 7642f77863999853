/** Builders: layers become a disk, and a machine starts from it. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { DiskBuilder } from "../engine.js";
import { layerOf, streamOf } from "./layers.js";
import type { Subject } from "./subject.js";

export function builderCases(subject: Subject): void {
  subject.case("layers become a disk that machines start from", async () => {
    const before = await subject.under.residue();
    const path = await subject.under.emptyDisk();
    const { files } = await buildDisk(subject, path, lower, upper);
    expect(files).toBeGreaterThan(2);
    expect(await subject.under.residue()).toEqual(before);
    await expectTree(subject, path);
  });

  subject.case("a layer that is broken is refused, and nothing can be finished after it", async () => {
    const before = await subject.under.residue();
    const path = await subject.under.emptyDisk();
    const outcome = await withBuilder(subject, path, async (builder) => {
      const refused = { code: "InvalidRequest", message: expect.stringMatching(/[a-z]+.*\.$/s) };
      const broken = streamOf(lower.subarray(0, 700));
      await expect(builder.apply(broken, subject.signal())).rejects.toMatchObject(refused);
      await expect(builder.apply(streamOf(lower), subject.signal())).rejects.toMatchObject(refused);
      await expect(builder.finish(subject.signal())).rejects.toMatchObject(refused);
      return "refused";
    });
    expect(outcome).toBe("refused");
    expect(await subject.under.residue()).toEqual(before);
  });

  subject.case("a layer whose source fails fails with that, and the builder can be ended", async () => {
    const before = await subject.under.residue();
    const path = await subject.under.emptyDisk();
    const failure = new Error("the registry hung up");
    await withBuilder(subject, path, async (builder) => {
      const source = (async function* () {
        yield lower.subarray(0, 512);
        throw failure;
      })();
      await expect(builder.apply(source, subject.signal())).rejects.toBe(failure);
    });
    expect(await subject.under.residue()).toEqual(before);
  });

  subject.case("an opening that is aborted leaves nothing", async () => {
    const before = await subject.under.residue();
    const path = await subject.under.emptyDisk();
    const controller = new AbortController();
    const reason = new Error("aborted");
    const opening = withBuilder(subject, path, async () => "open", controller.signal);
    controller.abort(reason);
    await expect(opening).rejects.toBe(reason);
    expect(await subject.under.residue()).toEqual(before);
  });
}

const lower = layerOf(
  { path: "etc/" },
  { path: "etc/kept", content: "kept" },
  { path: "etc/gone", content: "gone" },
  { path: "etc/replaced", content: "old" },
  { path: "srv/" },
  { path: "srv/hidden/", content: "" },
  { path: "srv/hidden/below", content: "below" },
  { path: "bin", kind: "2", target: "usr/bin" },
  { path: "usr/bin/" },
  { path: "usr/bin/tool", content: "#!", mode: 0o4755, uid: 1_234, gid: 5_678 },
);
const upper = layerOf(
  { path: "etc/replaced", content: "new" },
  { path: "etc/.wh.gone" },
  { path: "srv/hidden/.wh..wh..opq" },
  { path: "srv/hidden/above", content: "above" },
);

async function buildDisk(subject: Subject, path: string, ...layers: readonly Buffer[]) {
  return await withBuilder(subject, path, async (builder) => {
    for (const layer of layers) await builder.apply(streamOf(layer), subject.signal());
    return await builder.finish(subject.signal());
  });
}

async function withBuilder<T>(
  subject: Subject,
  diskPath: string,
  work: (builder: DiskBuilder) => Promise<T>,
  signal = subject.signal(),
): Promise<T> {
  const { engine } = subject;
  if (engine.builders === undefined) throw new Error(`the engine ${engine.name} has no builder`);
  await using builder = await engine.builders.open({ id: randomUUID(), diskPath }, signal);
  return await work(builder);
}

async function expectTree(subject: Subject, path: string): Promise<void> {
  const disk = { name: "layered", digest: `sha256:${randomUUID()}`, path, warm: [] };
  const machine = await subject.start(randomUUID(), subject.signal(), subject.engine, disk);
  const { files } = machine.guest;
  const { entries } = await files.list("/etc", subject.signal());
  const names = entries.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["kept", "replaced"]));
  expect(names).not.toContain("gone");
  const { content } = await files.read("/etc/replaced", {}, subject.signal());
  expect(Buffer.concat(await content.toArray()).toString()).toBe("new");
  const hidden = await files.list("/srv/hidden", subject.signal());
  expect(hidden.entries.map(({ name }) => name)).toEqual(["above"]);
  expect(await files.stat("/usr/bin/tool", subject.signal())).toMatchObject({ mode: 0o4755, uid: 1_234, gid: 5_678 });
  await machine.destroy();
}
