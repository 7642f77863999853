/** Puts in order what earlier daemons kept: what is not on record goes, what was half made goes, and so do layers that nobody stands on. */
import { chmod, chown, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Kept, Owned, Recovery } from "../../engine.js";
import type { MachineHost } from "../machine/machine-host.js";
import {
  layerPath,
  layersDirectory,
  memoriesDirectory,
  snapshotsDirectory,
  suspendedDirectory,
} from "../machine/machine-paths.js";
import { keptPaths, listKept, readManifest, removeKept } from "./kept.js";

type KeptHost = Pick<MachineHost, "roots" | "holdings">;

/** Removes what is kept, and what only it stood on. */
export async function forget({ roots, holdings }: KeptHost, kept: Kept): Promise<void> {
  await removeKept(keptPaths(roots, kept));
  await holdings.release(kept);
}

export interface RecoveredSaves {
  /** Sandboxes whose state is kept whole: whatever still runs of them counts no more. */
  readonly suspended: ReadonlySet<string>;
  readonly lost: Recovery["lost"];
  readonly removed: readonly string[];
}

export async function recoverSaves(host: KeptHost, owned: Owned): Promise<RecoveredSaves> {
  await host.holdings.load();
  const suspended = await recoverThese(host, "suspended", owned.suspended);
  const snapshots = await recoverThese(host, "snapshot", owned.snapshots);
  const message = "Nothing that is whole was kept of it.";
  const lost = [...owned.suspended]
    .filter((id) => !suspended.whole.has(id) && !owned.running.has(id))
    .map((id) => [id, { reason: "EngineLost", message }] as const);
  return { suspended: suspended.whole, lost: new Map(lost), removed: [...suspended.removed, ...snapshots.removed] };
}

async function recoverThese(host: KeptHost, kind: Kept["kind"], owned: ReadonlySet<string>) {
  const directory = kind === "suspended" ? suspendedDirectory(host.roots) : snapshotsDirectory(host.roots);
  const { ids, halfMade } = await listKept(directory);
  const whole = new Set<string>();
  const removed: string[] = [];
  for (const name of halfMade) {
    await rm(join(directory, name), { recursive: true, force: true });
    removed.push(`Removed ${name} in ${directory}, which was half made.`);
  }
  for (const id of ids) {
    const kept: Kept = kind === "suspended" ? { kind, sandboxId: id } : { kind, snapshotId: id };
    if (!owned.has(id)) {
      await forget(host, kept);
      removed.push(
        `Removed what was kept of the ${kind === "suspended" ? "sandbox" : "snapshot"} ${id}, which nobody claims.`,
      );
    } else if ((await readManifest(keptPaths(host.roots, kept))) !== undefined) whole.add(id);
  }
  return { whole, removed };
}

/** Call it when machines that run are known. A layer whose machine was killed while it was suspended gets its owner. */
export async function removeLeftLayers({ roots, holdings }: KeptHost): Promise<readonly string[]> {
  const needed = new Set(holdings.layers().map((layer) => layerPath(roots, layer)));
  const removed: string[] = [];
  for (const name of await readdir(layersDirectory(roots))) {
    const path = join(layersDirectory(roots), name);
    if (needed.has(path)) await takeOver(path);
    else {
      await rm(path, { force: true });
      removed.push(`Removed the layer ${name}, on which nobody stands.`);
    }
  }
  return removed;
}

/** Call it when machines that run are known. */
export async function removeLeftMemories({ roots, holdings }: KeptHost): Promise<readonly string[]> {
  const needed = holdings.memories();
  const left = (await readdir(memoriesDirectory(roots))).filter((name) => !needed.has(name));
  for (const name of left) await rm(join(memoriesDirectory(roots), name), { force: true });
  return left.map((name) => `Removed the memory ${name}, on which nobody stands.`);
}

/** From the user that its QEMU had. */
export async function takeOver(layer: string): Promise<void> {
  const [user, group] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  await chown(layer, user, group);
  await chmod(layer, 0o444);
}
