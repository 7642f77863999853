/**
 * Suspends a machine: its users' processes stand still, it is paused, what it changed of its memory, its devices and its disk are
 * kept, and it ends. Until all of that is on the disk a failure lets it run on; from there on it is suspended, whoever dies.
 */
import { randomUUID } from "node:crypto";
import { link, open, rm } from "node:fs/promises";
import type { Guest } from "../../guest/guest.js";
import { openPlainFile } from "../../host/plain-file.js";
import { type ProcessIdentity, processGone } from "../../host/processes.js";
import { syncPath } from "../../host/write-durably.js";
import { withDeadline } from "../../lib/deadline.js";
import { undone } from "../../lib/undo.js";
import type { Saved, SaveMode } from "../engine.js";
import { captureMemory } from "./capture.js";
import { type Footing, memoryFileOf } from "./footing.js";
import { keptPaths, type Manifest, makeKept } from "./kept.js";
import type { MachineHost } from "./machine-host.js";
import { type KeptPaths, layerPath, layersDirectory, machinePaths } from "./machine-paths.js";
import { openMapped } from "./mapped-memory.js";
import type { Qmp } from "./qmp.js";
import { endProcesses, removeMachine } from "./removal.js";
import { sizeOfKept } from "./saved-size.js";
import { takeOver } from "./saves-recovery.js";
import { makingOf } from "./template.js";

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
/** Devices take some kilobytes; a QEMU that was escaped could write more. */
const longestStateBytes = 16 * 1024 * 1024;

/** `onKept` is called when the machine counts as suspended, and is about to end. */
export async function suspendMachine(
  host: MachineHost,
  machine: Suspendable,
  { mode, onKept }: { readonly mode: SaveMode; readonly onKept: () => void },
  signal: AbortSignal,
): Promise<Saved> {
  const isFrozen = await freeze(machine, mode, signal);
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
  await end(host, machine, layer);
  const size = await sizeOfKept(host.roots, kept, manifest);
  return { mode, isFrozen, pausedMs: manifest.pausedMs, size };
}

/** False where they resist: then they may notice. On the disk alone, what they have written must be there. */
async function freeze({ guest }: Suspendable, mode: SaveMode, signal: AbortSignal): Promise<boolean> {
  if (mode === "Disk") await syncGuest(guest, signal);
  using deadline = withDeadline(signal, freezeAnswerMs);
  try {
    return await guest.freeze(freezeMs, deadline.signal);
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/** A guest without the program loses what a power cut would take. */
async function syncGuest(guest: Guest, signal: AbortSignal): Promise<void> {
  const id = randomUUID();
  try {
    const spec = { id, argv: ["sync"], environment: {}, stdin: false, forget: true, user: "0" };
    for await (const _ of guest.execs.run(spec, signal));
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
  const { installation } = host;
  const { tscKhz } = installation.platform;
  return {
    version: 1,
    id: machine.id,
    mode,
    footing: { ...machine.footing, layers: [layer, ...machine.footing.layers] },
    making: makingOf(installation),
    ...(tscKhz === undefined ? {} : { tscKhz }),
    generation: machine.generation,
    isFrozen,
    pausedMs: Math.round(performance.now() - began),
  };
}

/** A second name for it: under the first one the machine goes on writing where it is not suspended after all. */
async function keepDisk(host: MachineHost, { id, uid }: Suspendable, layer: string): Promise<void> {
  const path = layerPath(host.roots, layer);
  await link(machinePaths(host.roots, id).overlay, path);
  const owner = uid ?? process.getuid?.() ?? 0;
  await using file = await openPlainFile(path, "read", (found) => found.uid === owner && found.nlink === 2);
  await file.sync();
  await syncPath(layersDirectory(host.roots));
}

async function keepMemory(
  host: MachineHost,
  { process, footing }: Suspendable,
  paths: KeptPaths,
  signal: AbortSignal,
): Promise<void> {
  const base = memoryFileOf(host, footing);
  await using mapped = await openMapped(process.pid, base);
  await using file = await open(paths.memory, "wx", 0o600);
  await captureMemory(mapped, file, base, signal);
  await file.sync();
}

/** QEMU sees its own directory alone, so it is written there; what stands there is QEMU's, and is copied within bounds. */
async function keepDevices(
  host: MachineHost,
  { id, uid, qmp }: Suspendable,
  paths: KeptPaths,
  signal: AbortSignal,
): Promise<void> {
  const { directory } = machinePaths(host.roots, id);
  const written = `${directory}/state`;
  await qmp.execute("xen-save-devices-state", { filename: written, live: false }, signal);
  const owner = uid ?? process.getuid?.() ?? 0;
  await using from = await openPlainFile(
    written,
    "read",
    (found) => found.uid === owner && found.size <= longestStateBytes,
  );
  await using to = await open(paths.state, "wx", 0o400);
  await to.writeFile(await from.readFile());
  await to.sync();
  await rm(written, { force: true });
}

/** The machine goes on as if nobody had asked. */
async function letRun(host: MachineHost, { guest, qmp }: Suspendable, layer: string): Promise<void> {
  const signal = AbortSignal.timeout(letRunMs);
  await rm(layerPath(host.roots, layer), { force: true });
  await qmp.execute("cont", {}, signal);
  await guest.thaw(signal);
}

/** Nothing that fails here brings the machine back: its state is kept. */
async function end(host: MachineHost, machine: Suspendable, layer: string): Promise<void> {
  const signal = new AbortController().signal;
  using grace = withDeadline(signal, exitGraceMs);
  try {
    await machine.qmp.execute("quit", {}, grace.signal).catch(() => undefined);
    await processGone(machine.process, grace.signal);
  } catch {
    await endProcesses(machine, machinePaths(host.roots, machine.id), AbortSignal.timeout(letRunMs));
  }
  await takeOver(layerPath(host.roots, layer));
  await machine.guest.close();
  await removeMachine(host, machine);
}
