/** Puts in order what earlier daemons kept: what is not on record goes, what was half made goes, and so do layers that nobody stands on. */
import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { openPlainFile } from "../../../host/plain-file.js";
import { eachAtOnce } from "../../../lib/each-at-once.js";
import type { Kept, Owned, Recovery } from "../../engine.js";
import type { MachineHost } from "../machine/machine-host.js";
import {
  layerPath,
  layersDirectory,
  memoriesDirectory,
  snapshotsDirectory,
  suspendedDirectory,
} from "../machine/machine-paths.js";
import { keptPaths, listKept, removeKept } from "./kept.js";

const layersAtOnce = 32;
const layerMode = 0o444;

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
  readonly lostSnapshots: ReadonlySet<string>;
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
  const lostSnapshots = new Set([...owned.snapshots].filter((id) => !snapshots.whole.has(id)));
  const removed = [...suspended.removed, ...snapshots.removed];
  return { suspended: suspended.whole, lost: new Map(lost), lostSnapshots, removed };
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
    } else if (host.holdings.has(kept)) whole.add(id);
  }
  return { whole, removed };
}

/** Call it when machines that run are known. A layer whose machine was killed while it was suspended gets its owner. */
export async function removeLeftLayers({ roots, holdings }: KeptHost): Promise<readonly string[]> {
  const directory = layersDirectory(roots);
  const needed = new Set(holdings.layers().map((layer) => layerPath(roots, layer)));
  const names = await readdir(directory);
  const left = names.filter((name) => !needed.has(join(directory, name)));
  await eachAtOnce([...needed], layersAtOnce, takeOverLeft);
  for (const name of left) await rm(join(directory, name), { force: true });
  return left.map((name) => `Removed the layer ${name}, on which nobody stands.`);
}

/** Call it when machines that run are known. */
export async function removeLeftMemories({ roots, holdings }: KeptHost): Promise<readonly string[]> {
  const needed = holdings.memories();
  const left = (await readdir(memoriesDirectory(roots))).filter((name) => !needed.has(name));
  for (const name of left) await rm(join(memoriesDirectory(roots), name), { force: true });
  return left.map((name) => `Removed the memory ${name}, on which nobody stands.`);
}

/** From the user that its QEMU had, who may have put anything under the name that its disk had. */
export async function takeOver(layer: string, from: number | undefined): Promise<void> {
  const { uid, gid } = ownUser();
  await using file = await openPlainFile(layer, "read", (found) => found.uid === uid || found.uid === from);
  await file.chown(uid, gid);
  await file.chmod(layerMode);
}

/** Looking is cheap, and nearly all of them are ours already. One that is gone is missed by whoever starts from it. */
async function takeOverLeft(layer: string): Promise<void> {
  const found = await lstat(layer).catch(unlessGone);
  const { uid, gid } = ownUser();
  if (found === undefined) return;
  if (found.uid !== uid || found.gid !== gid || (found.mode & 0o7777) !== layerMode) await takeOver(layer, found.uid);
}

function ownUser() {
  return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
}

function unlessGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
