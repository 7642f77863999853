/** What is kept of machines that do not run, for those above the engine. */
import { link, open, rm } from "node:fs/promises";
import { AlcoveError } from "@alcove/contract";
import { syncPath } from "../../../host/write-durably.js";
import { SharedWork } from "../../../lib/shared-work.js";
import { undone } from "../../../lib/undo.js";
import type { DataDisk, Kept, Saved, Saves } from "../../engine.js";
import { disksBelow } from "../machine/footing.js";
import { diskBytesOf, type MachineHost } from "../machine/machine-host.js";
import { findOrigin } from "../machine/origins.js";
import { freezeAtRest, requireRoomForLayers } from "../volumes/volume-layers.js";
import { keptPaths, type Manifest, makeKept, readManifest } from "./kept.js";
import { openWorkplace, packSnapshot, unpackSnapshot } from "./portable-snapshot.js";
import { runQemuImg } from "./qemu-img.js";
import { sizeOfKept } from "./saved-size.js";
import { forget } from "./saves-recovery.js";
import { shareMemory } from "./shared-memory.js";

export function createSaves(ready: (signal: AbortSignal) => Promise<MachineHost>): Saves {
  const host = () => ready(new AbortController().signal);
  const sharing = new SharedWork<string, void>();
  return {
    async snapshotSuspended(sandboxId, snapshotId, { volumes }, signal) {
      const found = await ready(signal);
      await requireRoomForLayers(found, volumes);
      await found.chains.leaveAlone(sandboxId, signal);
      return await snapshotSuspended(found, { sandboxId, snapshotId, volumes });
    },
    async check(origin, size, signal) {
      await findOrigin(await ready(signal), origin, { size });
    },
    async share(snapshotId, { keptFreeBytes }, signal) {
      const { roots } = await host();
      const manifest = await find({ roots }, { kind: "snapshot", snapshotId });
      const work = async (within: AbortSignal) =>
        await shareMemory(await ready(within), manifest, { keptFreeBytes, signal: within });
      await sharing.run(snapshotId, work, signal);
    },
    async sizeOf(kept) {
      const { roots } = await host();
      return await sizeOfKept(roots, kept, await find({ roots }, kept));
    },
    async remove(kept) {
      const found = await host();
      if (kept.kind === "suspended") await found.chains.leaveAlone(kept.sandboxId);
      await forget(found, kept);
    },
    async writeDisk(kept, path, signal) {
      const found = await ready(signal);
      if (kept.kind === "suspended") await found.chains.leaveAlone(kept.sandboxId, signal);
      await writeDisk(found, kept, path, signal);
    },
    workplace: async () => openWorkplace(await host()),
    async pack(snapshotId, directory, signal) {
      const found = await ready(signal);
      const manifest = await find(found, { kind: "snapshot", snapshotId });
      return await packSnapshot(found, manifest, directory, signal);
    },
    async unpack(snapshotId, packed, signal) {
      return await unpackSnapshot(await ready(signal), snapshotId, packed, signal);
    },
  };
}

async function find({ roots }: Pick<MachineHost, "roots">, kept: Kept): Promise<Manifest> {
  const manifest = await readManifest(keptPaths(roots, kept));
  if (manifest !== undefined) return manifest;
  const what = kept.kind === "suspended" ? `the sandbox ${kept.sandboxId}` : `the snapshot ${kept.snapshotId}`;
  throw new AlcoveError("SnapshotIncompatible", `Nothing that is whole is kept of ${what}.`);
}

interface Copying {
  readonly sandboxId: string;
  readonly snapshotId: string;
  readonly volumes: readonly DataDisk[];
}

/** The files of a suspended machine are never written again, so another name for them is a copy. */
async function snapshotSuspended(host: MachineHost, { sandboxId, snapshotId, volumes }: Copying): Promise<Saved> {
  const suspended = { kind: "suspended", sandboxId } as const;
  const snapshot = { kind: "snapshot", snapshotId } as const;
  const from = keptPaths(host.roots, suspended);
  const frozen = await freezeAtRest(host, volumes);
  const { footing } = await find(host, suspended);
  host.holdings.hold(snapshot, { ...footing, volumes: frozen });
  const manifest = await makeKept(keptPaths(host.roots, snapshot), async (paths) => {
    // Once more: what is there after its layers are held has them.
    const source = await find(host, suspended);
    if (source.mode === "Memory") {
      await link(from.memory, paths.memory);
      await link(from.state, paths.state);
    }
    await syncPath(paths.directory);
    return { ...source, id: snapshotId, pausedMs: 0, footing: { ...source.footing, volumes: frozen } };
  }).catch(async (error: unknown) => {
    throw await undone(error, () => host.holdings.release(snapshot));
  });
  const size = await sizeOfKept(host.roots, snapshot, manifest);
  return { mode: manifest.mode, isFrozen: manifest.isFrozen, pausedMs: 0, size };
}

async function writeDisk(host: MachineHost, kept: Kept, path: string, signal: AbortSignal): Promise<void> {
  const { footing } = await find(host, kept);
  const disks = disksBelow(host.roots, footing);
  await using file = await open(path, "wx", 0o644);
  try {
    await file.truncate(diskBytesOf(footing.size));
    const [{ format, path: top }] = disks;
    const argv = ["convert", "-n", "--target-is-zero", "-f", format, "-O", "raw", top, path];
    await runQemuImg(host, { argv, disks, written: path }, signal);
    await file.sync();
  } catch (error) {
    throw await undone(error, () => rm(path, { force: true }));
  }
}
