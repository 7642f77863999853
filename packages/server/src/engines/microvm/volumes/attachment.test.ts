/** Putting volumes behind slots of a QEMU that breaks off in the middle. */
import { randomUUID } from "node:crypto";
import { mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tiers } from "@alcove/contract";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../../store/test-record.js";
import type { DataDisk } from "../../engine.js";
import type { Footing } from "../machine/footing.js";
import type { MachineHost } from "../machine/machine-host.js";
import { machinePaths, makeRoots } from "../machine/machine-paths.js";
import { readMachineRecord, writeMachineRecord } from "../machine/machine-record.js";
import { writeOverlay } from "../machine/overlay.js";
import { QmpError } from "../qmp/qmp.js";
import type { Suspendable } from "../saves/suspension.js";
import { attachVolume, detachVolume } from "./attachment.js";
import { headPath } from "./volume-manifest.js";

const bytes = 64 * 1024 * 1024;
const never = new AbortController().signal;

test("what a failed attach left on record the machine knows of, and takes away", async () => {
  await using place = await makePlace();
  const { machine, qemu, disk } = place;
  const volume = await disk();
  qemu.failOnce = "block_resize";
  await expect(place.attach(volume)).rejects.toThrow("block_resize");
  expect(machine.footing.volumes).toEqual([volume]);
  expect(qemu.drive).toBe("volume0");
  await place.detach(volume);
  expect(qemu).toMatchObject({ drive: "spare0", nodes: new Map() });
  expect(await place.recorded()).toEqual([]);
});

test("a volume that a failed attach left behind a slot is not taken for the next one", async () => {
  await using place = await makePlace();
  const { machine, qemu, disk } = place;
  const [left, next] = [await disk(), await disk()];
  qemu.failOnce = "block_resize";
  await expect(place.attach(left)).rejects.toThrow("block_resize");
  const nodeOfLeft = qemu.nodes.get("volume0");
  await place.attach(next);
  expect(qemu.nodes.get("volume0")).not.toEqual(nodeOfLeft);
  expect(machine.footing.volumes).toEqual([next]);
  expect(await place.recorded()).toEqual([next]);
});

test("one that is there already is left alone", async () => {
  await using place = await makePlace();
  const volume = await place.disk();
  await place.attach(volume);
  place.qemu.failOnce = "qom-set";
  await place.attach(volume);
});

test("a disk that QEMU does not let go of is told, and stays on record", async () => {
  await using place = await makePlace();
  const volume = await place.disk();
  await place.attach(volume);
  place.qemu.failOnce = "blockdev-del";
  await expect(place.detach(volume)).rejects.toThrow("blockdev-del");
  expect(await place.recorded()).toEqual([volume]);
  await place.detach(volume);
  expect(await place.recorded()).toEqual([]);
});

/** As much of QEMU as slots need. */
class Qemu {
  drive = "spare0";
  readonly nodes = new Map<string, unknown>();
  failOnce: string | undefined;

  async execute(command: string, args: Record<string, string>): Promise<unknown> {
    if (this.failOnce === command) {
      this.failOnce = undefined;
      throw new QmpError(`${command}: in use`);
    }
    const node = args["node-name"] ?? "";
    if (command === "qom-get") return this.drive;
    if (command === "qom-set") this.drive = args.value ?? "";
    if (command === "blockdev-add") this.nodes.set(node, args);
    if (command === "blockdev-del" && !this.nodes.delete(node))
      throw new QmpError(`${command}: Failed to find node with node-name='${node}'`);
    return {};
  }
}

async function makePlace() {
  const directory = temporaryDirectory();
  const roots = { dataDirectory: join(directory.path, "data"), runtimeDirectory: join(directory.path, "run") };
  await makeRoots(roots);
  const id = randomUUID();
  const host = { roots, holdings: { hold: () => undefined } } as unknown as MachineHost;
  const { directory: own, record } = machinePaths(roots, id);
  await mkdir(own);
  const image = { name: "debian", digest: "d", path: "/debian", warm: [] };
  const footing: Footing = { templateKey: "ab", memory: { kind: "template" }, layers: [], image, size: tiers.XS };
  const process = { pid: 1, startTime: "1" };
  const kept = {
    version: 1,
    id,
    ...process,
    hostBootId: "b",
    groups: [],
    cpuMillicores: 1_000,
    generation: 1,
  } as const;
  await writeMachineRecord(record, { ...kept, templateKey: "ab", footing });
  const qemu = new Qemu();
  const machine = { id, uid: undefined, footing, qmp: qemu };
  const asked = () => machine as unknown as Suspendable;
  const onRecorded = (changed: Footing) => {
    machine.footing = changed;
  };
  return {
    ...{ machine, qemu },
    attach: (disk: DataDisk) => attachVolume(host, { ...asked(), onRecorded }, disk, never),
    detach: ({ volumeId }: DataDisk) => detachVolume(host, { ...asked(), onRecorded }, volumeId, never),
    recorded: async () => (await readMachineRecord(record))?.footing?.volumes,
    async disk(): Promise<DataDisk> {
      const volume = { id: randomUUID(), head: randomUUID() };
      const head = headPath(roots, volume);
      await mkdir(join(head, ".."));
      await writeFile(join(head, "..", "volume.json"), JSON.stringify({ version: 1, ...volume, bytes }));
      await writeOverlay(head, { path: "/nothing", format: "raw" }, { virtualBytes: bytes });
      await using file = await open(head, "r+");
      await file.write(Buffer.alloc(12), 0, 12, 8);
      return { volumeId: volume.id, slot: 0, isReadOnly: false };
    },
    [Symbol.asyncDispose]: async () => directory[Symbol.dispose](),
  };
}
