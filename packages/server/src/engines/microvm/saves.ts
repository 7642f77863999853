/** What is kept of machines that do not run, for those above the engine. */
import { link, open, rm } from "node:fs/promises";
import { AlcoveError } from "@alcove/contract";
import { run } from "../../host/run.js";
import { syncPath } from "../../host/write-durably.js";
import { undone } from "../../lib/undo.js";
import type { Kept, Saved, Saves } from "../engine.js";
import { disksBelow } from "./footing.js";
import { keptPaths, type Manifest, makeKept, readManifest } from "./kept.js";
import { diskBytesOf, type MachineHost } from "./machine-host.js";
import { type Backing, checkBacking } from "./overlay.js";
import { sizeOfKept } from "./saved-size.js";
import { forget } from "./saves-recovery.js";

const diskTimeoutMs = 30 * 60_000;

export function createSaves(ready: (signal: AbortSignal) => Promise<MachineHost>): Saves {
  const host = () => ready(new AbortController().signal);
  return {
    async snapshotSuspended(sandboxId, snapshotId, signal) {
      return await snapshotSuspended(await ready(signal), sandboxId, snapshotId);
    },
    async share(snapshotId) {
      await find(await host(), { kind: "snapshot", snapshotId });
    },
    async sizeOf(kept) {
      const { roots } = await host();
      return await sizeOfKept(roots, kept, await find({ roots }, kept));
    },
    async remove(kept) {
      await forget(await host(), kept);
    },
    async writeDisk(kept, path, signal) {
      await writeDisk(await ready(signal), kept, path, signal);
    },
  };
}

async function find({ roots }: Pick<MachineHost, "roots">, kept: Kept): Promise<Manifest> {
  const manifest = await readManifest(keptPaths(roots, kept));
  if (manifest !== undefined) return manifest;
  const what = kept.kind === "suspended" ? `the sandbox ${kept.sandboxId}` : `the snapshot ${kept.snapshotId}`;
  throw new AlcoveError("SnapshotIncompatible", `Nothing that is whole is kept of ${what}.`);
}

/** The files of a suspended machine are never written again, so another name for them is a copy. */
async function snapshotSuspended(host: MachineHost, sandboxId: string, snapshotId: string): Promise<Saved> {
  const suspended = { kind: "suspended", sandboxId } as const;
  const snapshot = { kind: "snapshot", snapshotId } as const;
  const from = keptPaths(host.roots, suspended);
  const source = await find(host, suspended);
  const manifest = await makeKept(keptPaths(host.roots, snapshot), async (paths) => {
    if (source.mode === "Memory") {
      await link(from.memory, paths.memory);
      await link(from.state, paths.state);
    }
    await syncPath(paths.directory);
    return { ...source, id: snapshotId, pausedMs: 0 };
  });
  host.holdings.hold(snapshot, manifest.footing);
  const size = await sizeOfKept(host.roots, snapshot, manifest);
  return { mode: manifest.mode, isFrozen: manifest.isFrozen, pausedMs: 0, size };
}

/** A layer was written by a QEMU that may have been escaped: one that claims to stand on another file of the host is not read. */
async function writeDisk(host: MachineHost, kept: Kept, path: string, signal: AbortSignal): Promise<void> {
  const { footing } = await find(host, kept);
  const disks = disksBelow(host.roots, footing);
  for (const [index, disk] of disks.entries()) {
    const below = disks[index + 1];
    if (below !== undefined) await checkBacking(disk.path, below);
  }
  await using file = await open(path, "wx", 0o644);
  try {
    await file.truncate(diskBytesOf(footing.size));
    const convert = ["qemu-img", "convert", "-n", "--target-is-zero", "-f", disks[0].format, "-O", "raw"];
    const fence = fenceAround(host, disks, path);
    const args = ["host", "spawn", ...fence, "--", ...convert, disks[0].path, path];
    await run(host.installation.assets.agent, args, { signal, timeoutMs: diskTimeoutMs });
    await file.sync();
  } catch (error) {
    throw await undone(error, () => rm(path, { force: true }));
  }
}

/** It sees the disks, and no other file of the host's. */
function fenceAround(host: MachineHost, disks: readonly Backing[], path: string): readonly string[] {
  if (host.namespaces === "none") return [];
  const readable = [...host.programPaths, ...disks.map((disk) => disk.path)].map((each) => `${each}:ro`);
  const binds = [...readable, ...host.devicePaths, path].flatMap((each) => ["--bind", each]);
  return ["--netns", "--mountns", ...binds, ...(host.namespaces === "user" ? ["--userns"] : [])];
}
