/** A machine's disks become layers while it is paused, each with a new disk on top: in QEMU, and in what is written down of the machine. */
import { link, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { undone } from "../../../lib/undo.js";
import { rootDiskNode } from "../machine/command-line.js";
import type { Footing } from "../machine/footing.js";
import { diskBytesOf, type MachineHost } from "../machine/machine-host.js";
import { layerPath, type MachinePaths, machinePaths } from "../machine/machine-paths.js";
import { rewriteMachineRecord } from "../machine/machine-record.js";
import { writeOverlay } from "../machine/overlay.js";
import { hasOwnNode } from "../qmp/block-nodes.js";
import type { Qmp } from "../qmp/qmp.js";
import { linkLayer, type Suspendable } from "./suspension.js";

const layMs = 10_000;
/** A host's disk that keeps QEMU from answering so often is not one to write a layer to. */
const timesAsked = 6;

/** Puts a new disk on top of what a drive has. */
export interface NewDrive {
  /** The topmost node that it has. */
  readonly node: string;
  /** Of the new one. */
  readonly nextNode: string;
  /** By which QEMU finds the new disk. */
  readonly filename: string;
}

export interface Laying {
  /** What the root disk becomes. */
  readonly layer: string;
  /** Of those volumes that are written to, whose new disks are there already. */
  readonly volumes: readonly NewDrive[];
}

/**
 * From here on QEMU writes to a new disk on top of the layer, and to the volumes' new ones: all of them or none. A daemon that is killed meanwhile
 * finds in the record which layer was being laid, and asks QEMU whether it was. It takes no signal: half of it is of no use.
 */
export async function layDisks(host: MachineHost, machine: Suspendable, { layer, volumes }: Laying): Promise<string> {
  const { id, uid, footing, qmp } = machine;
  const paths = machinePaths(host.roots, id);
  const below = layerPath(host.roots, layer);
  const next = nextDisk(paths.directory, layer);
  const backing = { path: below, format: "qcow2" } as const;
  try {
    await (await linkLayer(host, machine, layer)).close();
    await writeOverlay(next, backing, { virtualBytes: diskBytesOf(footing.size), owner: uid });
    await rewriteMachineRecord(paths.record, { layering: layer, footing });
    const root = { device: rootDiskNode, "snapshot-node-name": nodeOf(layer), "snapshot-file": next };
    const others = volumes.map(({ node, nextNode, filename }) => ({
      ...{ "node-name": node, "snapshot-node-name": nextNode, "snapshot-file": filename },
    }));
    const actions = [root, ...others].map((disk) => ({
      type: "blockdev-snapshot-sync",
      data: { ...disk, format: "qcow2", mode: "existing" },
    }));
    await qmp.execute("transaction", { actions }, AbortSignal.timeout(layMs));
    return next;
  } catch (error) {
    if (qmp.isClosed) throw error;
    if (isLate(error) && (await isLaidLate(qmp, layer))) return next;
    throw await undone(error, async () => {
      await Promise.all([next, below].map((path) => rm(path, { force: true })));
      await rewriteMachineRecord(paths.record, { layering: undefined });
    });
  }
}

function isLate(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

/** QEMU answers one thing after the other: when it answers this, it has done what came before, or has not. */
async function isLaidLate(qmp: Qmp, layer: string): Promise<boolean> {
  for (let asked = 1; ; asked++) {
    try {
      return await isLaid(qmp, layer, AbortSignal.timeout(layMs));
    } catch (error) {
      if (!isLate(error) || asked === timesAsked)
        throw new DiskInDoubt("QEMU does not say which disk it writes to.", { cause: error });
    }
  }
}

/** Whether QEMU writes to the disk on top of the layer. By its node, as QEMU says of its file what it likes: all that is below it, too, where that is not called as in its header. */
export function isLaid(qmp: Qmp, layer: string, signal: AbortSignal): Promise<boolean> {
  return hasOwnNode(qmp, nodeOf(layer), signal);
}

/** Of the disk on top of it; QEMU takes 31 characters. */
const nodeOf = (layer: string) => `root-${layer.slice(-12)}`;

/** Nothing may be kept of the machine any more: what it writes may be in either of two files, and both stay. */
export class DiskInDoubt extends Error {}

/**
 * What QEMU writes to now gets the name that a machine's disk has, beside the one that QEMU knows: by that one QEMU opens it
 * again, only for reading, when the next layer is laid.
 */
export async function settleLayer(paths: MachinePaths, next: string, footing: Footing): Promise<void> {
  const renamed = `${paths.overlay}.new`;
  await rm(renamed, { force: true });
  await link(next, renamed);
  await rename(renamed, paths.overlay);
  for (const name of await readdir(paths.directory)) {
    if (name.startsWith(nextPrefix) && name !== basename(next)) await rm(join(paths.directory, name), { force: true });
  }
  await rewriteMachineRecord(paths.record, { layering: undefined, footing });
}

const nextPrefix = "next-";

function nextDisk(directory: string, layer: string): string {
  return join(directory, `${nextPrefix}${layer}.qcow2`);
}

/** For a machine that was found with a layer half laid: what it stands on in truth. */
export async function finishLayer(
  host: Pick<MachineHost, "roots">,
  machine: { readonly id: string; readonly footing: Footing; readonly layering: string; readonly isLaid: boolean },
): Promise<Footing> {
  const paths = machinePaths(host.roots, machine.id);
  const next = nextDisk(paths.directory, machine.layering);
  if (!machine.isLaid) {
    await rm(next, { force: true });
    await rewriteMachineRecord(paths.record, { layering: undefined });
    return machine.footing;
  }
  const footing = { ...machine.footing, layers: [machine.layering, ...machine.footing.layers] };
  await settleLayer(paths, next, footing);
  return footing;
}
