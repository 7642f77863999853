/**
 * A snapshot as files that stand on nothing of this host's: its whole disk as one qcow2, its whole memory as what differs from zeros,
 * and its devices. What comes back from elsewhere is believed only where it is that: a disk that stands on nothing and keeps its
 * data in itself, a memory whose pages are as they were written.
 */
import { randomUUID } from "node:crypto";
import { chmod, copyFile, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError, type Size } from "@alcove/contract";
import { z } from "zod";
import { pageBytes } from "../../../host/page-bytes.js";
import { syncPath } from "../../../host/write-durably.js";
import { undone } from "../../../lib/undo.js";
import type { Packed, Saved, Workplace } from "../../engine.js";
import { disksBelow, type Footing } from "../machine/footing.js";
import { diskBytesOf, type MachineHost } from "../machine/machine-host.js";
import { layerPath, layersDirectory, snapshotsDirectory } from "../machine/machine-paths.js";
import { checkStandsAlone } from "../machine/overlay.js";
import { longestStateBytes } from "./keeping.js";
import { keptPaths, type Manifest, makeKept, unfinishedPrefix } from "./kept.js";
import { DiffWriter, readDiff, readPages } from "./memory-diff.js";
import { runQemuImg } from "./qemu-img.js";
import { sizeOfKept } from "./saved-size.js";
import { takeOver } from "./saves-recovery.js";
import { writeWholeMemory } from "./shared-memory.js";

const names = { disk: "disk.qcow2", memory: "memory", state: "state" } as const;
const bytesPerMiB = 1_048_576;
const partBytes = bytesPerMiB;

const Facts = z.strictObject({
  mode: z.enum(["Memory", "Disk"]),
  making: z.string().max(4_096),
  tscKhz: z.number().positive().optional(),
  generation: z.int().min(0),
  hostname: z.string().max(64).optional(),
  isFrozen: z.boolean(),
  pausedMs: z.number().min(0),
});

/** Under a name that recovery takes for half made. */
export async function openWorkplace({ roots }: Pick<MachineHost, "roots">): Promise<Workplace> {
  const directory = join(snapshotsDirectory(roots), `${unfinishedPrefix}${randomUUID()}`);
  await mkdir(directory, { mode: 0o711 });
  return { directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}

export async function packSnapshot(
  host: MachineHost,
  manifest: Manifest,
  directory: string,
  signal: AbortSignal,
): Promise<Packed> {
  const { mode, making, tscKhz, generation, hostname, isFrozen, pausedMs } = manifest;
  await writeDisk(host, manifest.footing, join(directory, names.disk), signal);
  const facts = { mode, making, tscKhz, generation, hostname, isFrozen, pausedMs };
  if (mode === "Disk") return { directory, facts, files: [names.disk] };
  await writeMemory(host, manifest, directory, signal);
  await copyFile(
    keptPaths(host.roots, { kind: "snapshot", snapshotId: manifest.id }).state,
    join(directory, names.state),
  );
  return { directory, facts, files: [names.disk, names.memory, names.state] };
}

async function writeDisk(host: MachineHost, footing: Footing, path: string, signal: AbortSignal): Promise<void> {
  const disks = disksBelow(host.roots, footing);
  await (await open(path, "wx", 0o600)).close();
  const [{ format, path: top }] = disks;
  await runQemuImg(host, { argv: ["convert", "-f", format, "-O", "qcow2", top, path], disks, written: path }, signal);
}

/** What is not zero of it, whatever it stood on. */
async function writeMemory(host: MachineHost, manifest: Manifest, directory: string, signal: AbortSignal) {
  const whole = join(directory, "whole");
  await writeWholeMemory(host, manifest, whole, signal);
  await using from = await open(whole, "r");
  await using to = await open(join(directory, names.memory), "wx", 0o600);
  const page = await pageBytes();
  const writer = new DiffWriter(to, page);
  const { size } = await from.stat();
  const zero = Buffer.alloc(page);
  for (let at = 0; at < size; at += partBytes) {
    signal.throwIfAborted();
    const part = Buffer.allocUnsafe(Math.min(partBytes, size - at));
    await from.read(part, 0, part.length, at);
    for (let offset = 0; offset < part.length; offset += page) {
      const bytes = part.subarray(offset, offset + page);
      if (!bytes.equals(zero)) writer.addData((at + offset) / page, bytes);
    }
    await writer.flush();
  }
  await writer.finish();
  await rm(whole);
}

/** Takes the files over: they are moved out of the directory. */
export async function unpackSnapshot(
  host: MachineHost,
  snapshotId: string,
  { directory, files, facts, size }: Packed & { readonly size: Size },
  signal: AbortSignal,
): Promise<Saved> {
  const known = Facts.safeParse(facts).data ?? refuse("its facts are not those of a snapshot of this engine");
  const wanted = known.mode === "Memory" ? Object.values(names) : [names.disk];
  if (files.toSorted().join() !== wanted.toSorted().join())
    refuse(`it has the files ${files.join(", ").slice(0, 200)}`);
  await checkFiles(directory, { ...known, size }, signal);
  const kept = { kind: "snapshot", snapshotId } as const;
  const layer = randomUUID();
  const footing = footingOf(layer, size);
  host.holdings.hold(kept, footing);
  try {
    await moveLayer(host, join(directory, names.disk), layer);
    const manifest = await makeKept(keptPaths(host.roots, kept), async (paths) => {
      if (known.mode === "Memory") {
        await rename(join(directory, names.memory), paths.memory);
        await rename(join(directory, names.state), paths.state);
        await Promise.all([paths.memory, paths.state].map(syncPath));
      }
      return { version: 1, id: snapshotId, footing, ...known };
    });
    const { mode, isFrozen, pausedMs } = manifest;
    return { mode, isFrozen, pausedMs, size: await sizeOfKept(host.roots, kept, manifest) };
  } catch (error) {
    throw await undone(error, () => host.holdings.release(kept));
  }
}

/** It stands on no template: the key is of none. */
function footingOf(layer: string, size: Size): Footing {
  const image = { name: "", digest: "", path: "", warm: [] };
  return { templateKey: "0", memory: { kind: "blank" }, layers: [layer], isDetached: true, image, size };
}

async function moveLayer({ roots }: MachineHost, from: string, layer: string): Promise<void> {
  const path = layerPath(roots, layer);
  await rename(from, path);
  await takeOver(path, undefined);
  await syncPath(path);
  await syncPath(layersDirectory(roots));
}

async function checkFiles(
  directory: string,
  { mode, size }: { readonly mode: Saved["mode"]; readonly size: Size },
  signal: AbortSignal,
): Promise<void> {
  try {
    await checkStandsAlone(join(directory, names.disk), diskBytesOf(size));
    if (mode === "Disk") return;
    await checkMemory(join(directory, names.memory), size.memoryMiB * bytesPerMiB, signal);
    const state = join(directory, names.state);
    const { size: bytes } = await stat(state);
    if (bytes === 0 || bytes > longestStateBytes) throw new Error(`its devices take ${bytes} bytes`);
    await chmod(state, 0o400);
  } catch (error) {
    signal.throwIfAborted();
    refuse(error instanceof Error ? error.message : String(error));
  }
}

async function checkMemory(path: string, memoryBytes: number, signal: AbortSignal): Promise<void> {
  await using file = await open(path, "r");
  const diff = await readDiff(file, memoryBytes);
  for await (const _ of readPages(diff, partBytes)) signal.throwIfAborted();
}

function refuse(why: string): never {
  throw new AlcoveError("InvalidRequest", `The archive holds no snapshot that this engine takes: ${why}.`, {
    field: "body",
    hint: "Export it again, from an Alcove of this version.",
  });
}
