/**
 * Suspends a machine: its users' processes stand still, it is paused, what it changed of its memory, its devices and its disk are
 * kept, and it ends. Until all of that is on the disk a failure lets it run on; from there on it is suspended, whoever dies.
 */
import { randomUUID } from "node:crypto";
import { type FileHandle, link, rm } from "node:fs/promises";
import type { Guest } from "../../../guest/guest.js";
import { openPlainFile } from "../../../host/plain-file.js";
import { type ProcessIdentity, processGone } from "../../../host/processes.js";
import { syncPath } from "../../../host/write-durably.js";
import { withDeadline } from "../../../lib/deadline.js";
import { undone } from "../../../lib/undo.js";
import type { Saved, SaveMode } from "../../engine.js";
import type { Footing } from "../machine/footing.js";
import type { MachineHost } from "../machine/machine-host.js";
import { type KeptPaths, layerPath, layersDirectory, machinePaths } from "../machine/machine-paths.js";
import { endProcesses, removeMachine } from "../machine/removal.js";
import type { Qmp } from "../qmp/qmp.js";
import { makingOf } from "../templates/template.js";
import { keepDevices, keepMemory } from "./keeping.js";
import { keptPaths, type Manifest, makeKept } from "./kept.js";
import { sizeOfKept } from "./saved-size.js";
import { takeOver } from "./saves-recovery.js";

export interface Suspendable {
  readonly id: string;
  readonly process: ProcessIdentity;
  readonly uid: number | undefined;
  readonly generation: number;
  readonly footing: Footing;
  readonly guest: Guest;
  readonly qmp: Qmp;
}

/** How long the users' processes have to stand still. */
const freezeMs = 2_000;
/** Beyond that an agent does not answer at all. */
const freezeAnswerMs = 4_000;
const letRunMs = 10_000;
const exitGraceMs = 2_000;
/** The program is the guest's own: it may be anything, and may never end. */
export const syncMs = 30_000;

/** `onKept` is called when the machine counts as suspended, and is about to end. */
export async function suspendMachine(
  host: MachineHost,
  machine: Suspendable,
  { mode, onKept }: { readonly mode: SaveMode; readonly onKept: () => void },
  signal: AbortSignal,
): Promise<Saved> {
  await syncBefore(mode, machine, signal);
  const isFrozen = await freezeGuest(machine, signal);
  const kept = { kind: "suspended", sandboxId: machine.id } as const;
  const began = performance.now();
  const layer = randomUUID();
  let manifest: Manifest;
  try {
    await machine.qmp.execute("stop", {}, signal);
    manifest = await makeKept(keptPaths(host.roots, kept), (paths) =>
      fill(host, machine, { paths, mode, layer, isFrozen, began }, signal),
    );
  } catch (error) {
    throw await undone(error, () => letRun(host, machine, layer));
  }
  host.holdings.hold(kept, manifest.footing);
  onKept();
  const left = await end(host, machine, layer).catch((error: unknown) => String(error));
  const size = await sizeOfKept(host.roots, kept, manifest);
  host.chains.shorten(host, machine.id);
  return { mode, isFrozen, pausedMs: manifest.pausedMs, size, ...(left === undefined ? {} : { left }) };
}

/** False where they resist, or nobody answers: then they may notice. */
export async function freezeGuest({ guest }: Pick<Suspendable, "guest">, signal: AbortSignal): Promise<boolean> {
  using deadline = withDeadline(signal, freezeAnswerMs);
  try {
    return await guest.freeze(freezeMs, deadline.signal);
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/** What is kept with the memory goes on from there; a volume outlives it, should the sandbox be deleted as it sleeps. */
export async function syncBefore(
  mode: SaveMode,
  machine: Pick<Suspendable, "guest" | "footing">,
  signal: AbortSignal,
): Promise<void> {
  if (mode === "Disk" || (machine.footing.volumes ?? []).length > 0) await syncGuest(machine, signal);
}

/** For a disk that shall be booted from: a guest without the program loses what a power cut would take. */
export async function syncGuest(
  { guest, footing }: Pick<Suspendable, "guest" | "footing">,
  signal: AbortSignal,
): Promise<void> {
  const id = randomUUID();
  using deadline = withDeadline(signal, syncMs);
  try {
    // The agent's own, which the guest's image need not have.
    if ((footing.volumes ?? []).length > 0) return await guest.volumes.sync(deadline.signal);
    const spec = { id, argv: ["sync"], environment: {}, stdin: false, forget: true, user: "0", timeoutMs: syncMs };
    for await (const _ of guest.execs.run(spec, deadline.signal));
  } catch {
    signal.throwIfAborted();
  }
}

interface Filling {
  readonly paths: KeptPaths;
  readonly mode: SaveMode;
  readonly layer: string;
  readonly isFrozen: boolean;
  readonly began: number;
}

async function fill(
  host: MachineHost,
  machine: Suspendable,
  { paths, mode, layer, isFrozen, began }: Filling,
  signal: AbortSignal,
): Promise<Manifest> {
  await Promise.all([
    keepDisk(host, machine, layer),
    ...(mode === "Memory" ? [keepMemory(host, machine, paths, signal), keepDevices(host, machine, paths, signal)] : []),
  ]);
  await Promise.all((mode === "Memory" ? [paths.memory, paths.state] : []).map(syncPath));
  return manifestOf(host, machine, { id: machine.id, mode, layer, isFrozen, began });
}

/** What it is, from now on with the layer that its disk has become. */
export function manifestOf(
  host: MachineHost,
  machine: Suspendable,
  kept: Pick<Manifest, "id" | "mode" | "isFrozen"> & { readonly layer: string; readonly began: number },
): Manifest {
  const { tscKhz } = host.installation.platform;
  return {
    version: 1,
    id: kept.id,
    mode: kept.mode,
    footing: { ...machine.footing, layers: [kept.layer, ...machine.footing.layers] },
    making: makingOf(host.installation),
    ...(tscKhz === undefined ? {} : { tscKhz }),
    generation: machine.generation,
    isFrozen: kept.isFrozen,
    pausedMs: Math.round(performance.now() - kept.began),
  };
}

/**
 * A second name for the disk, where only we write: under the first one QEMU, which may have been escaped, may have put anything.
 * Rejects where it has, and leaves the name.
 */
export async function linkLayer(
  { roots }: Pick<MachineHost, "roots">,
  { id, uid }: Pick<Suspendable, "id" | "uid">,
  layer: string,
): Promise<FileHandle> {
  const path = layerPath(roots, layer);
  await link(machinePaths(roots, id).overlay, path);
  const owner = uid ?? process.getuid?.() ?? 0;
  return await openPlainFile(path, "read", (found) => found.uid === owner);
}

/** Under its first name the machine goes on writing where it is not suspended after all. */
async function keepDisk(host: MachineHost, machine: Suspendable, layer: string): Promise<void> {
  await using file = await linkLayer(host, machine, layer);
  await file.sync();
  await syncPath(layersDirectory(host.roots));
}

/** The machine goes on as if nobody had asked. */
async function letRun(host: MachineHost, { guest, qmp }: Suspendable, layer: string): Promise<void> {
  const signal = AbortSignal.timeout(letRunMs);
  await rm(layerPath(host.roots, layer), { force: true });
  await qmp.execute("cont", {}, signal);
  await guest.thaw(signal);
}

/** Nothing that fails here brings the machine back: its state is kept. What is left then, the next daemon removes. */
async function end(host: MachineHost, machine: Suspendable, layer: string): Promise<undefined> {
  const signal = new AbortController().signal;
  using grace = withDeadline(signal, exitGraceMs);
  try {
    await machine.qmp.execute("quit", {}, grace.signal).catch(() => undefined);
    await processGone(machine.process, grace.signal);
  } catch {
    await endProcesses(machine, machinePaths(host.roots, machine.id), AbortSignal.timeout(letRunMs));
  }
  await takeOver(layerPath(host.roots, layer), machine.uid);
  await machine.guest.close();
  await removeMachine(host, machine);
  return undefined;
}
