/**
 * Starts a machine that goes on where a template stopped, or where a machine did whose memory was kept: one process. What can be
 * done at once is done at once, and nothing here costs in proportion to an image or to memory, but to what of it was changed.
 */
import { chown, mkdir, open } from "node:fs/promises";
import { AlcoveError } from "@alcove/contract";
import { type ConnectOptions, connectGuest } from "../../../guest/connect.js";
import type { Guest } from "../../../guest/guest.js";
import type { ProcessIdentity } from "../../../host/processes.js";
import type { SpawnedProgram } from "../../../host/spawn.js";
import { undone } from "../../../lib/undo.js";
import type { MachineSpec } from "../../engine.js";
import type { StartTimings } from "../options.js";
import type { Qmp } from "../qmp/qmp.js";
import { connectQmp } from "../qmp/qmp-connection.js";
import { connectUnread } from "../qmp/socket.js";
import { lendVolumes } from "../volumes/lent-volumes.js";
import type { BlockNode } from "./command-line.js";
import { makeExchangeFile, openExchangeFile } from "./exchange-file.js";
import { disksBelow, type Footing, memoryFileOf, templateOf } from "./footing.js";
import { goOn } from "./going-on.js";
import { launch } from "./launch.js";
import { MicrovmMachine } from "./machine.js";
import { cpuLimitsOf, diskBytesOf, limitsOf, type MachineHost, vcpusOf } from "./machine-host.js";
import { type KeptPaths, type MachinePaths, machinePaths, shortId } from "./machine-paths.js";
import { type MachineRecord, writeMachineRecord } from "./machine-record.js";
import { writeOverlay } from "./overlay.js";
import { removeMachine } from "./removal.js";
import { renewOnTime } from "./renewing.js";

/** The first that a process inherits besides its standard ones. */
const stateDescriptor = 3;

export interface StartHooks {
  readonly onEnded: () => void;
  readonly mark: (phase: Exclude<keyof StartTimings, "id">) => void;
}

export interface StartFrom {
  readonly spec: MachineSpec;
  readonly footing: Footing;
  /** Where the memory and the devices lie that it goes on with; left out, it goes on with those of its template. */
  readonly kept: KeptPaths | undefined;
  /** As in `FoundOrigin`. */
  readonly isWholeMemory?: boolean | undefined;
}

export async function startMachine(
  host: MachineHost,
  start: StartFrom,
  hooks: StartHooks,
  signal: AbortSignal,
): Promise<MicrovmMachine> {
  const { spec, footing } = start;
  const paths = machinePaths(host.roots, spec.id);
  const uid = host.users?.claim();
  let spawned: SpawnedProgram | undefined;
  host.holdings.hold({ kind: "machine", id: spec.id }, footing);
  try {
    const groups = await makeFiles(host, { ...start, paths, uid });
    hooks.mark("files");
    spawned = await spawn(host, { ...start, paths, uid, groups });
    hooks.mark("spawned");
    const connected = await connect(host, { ...start, paths, uid, groups, spawned }, hooks, signal);
    const { id, generation } = spec;
    const parts = { id, uid, generation, footing, process: spawned.identity, ...connected, program: spawned };
    return new MicrovmMachine(host, parts, hooks.onEnded);
  } catch (error) {
    throw await undone(error, () => removeMachine(host, { id: spec.id, process: spawned?.identity, uid }));
  }
}

export interface Making extends StartFrom {
  readonly paths: MachinePaths;
  readonly uid: number | undefined;
}

/** Answers the directories of its control groups. */
export async function makeFiles(host: MachineHost, { spec, footing, paths, uid }: Making): Promise<readonly string[]> {
  const [backing] = disksBelow(host.roots, footing);
  const groups = host.cgroups?.create(shortId(spec.id), limitsOf(spec.size)) ?? [];
  const disk = makeDirectory(paths.directory, uid).then(async () => {
    await writeOverlay(paths.overlay, backing, { virtualBytes: diskBytesOf(spec.size), owner: uid });
    if (footing.memory.kind === "blank") await makeBlankMemory(paths.blankMemory, spec.size.memoryMiB, uid);
  });
  const exchange = disk.then(() => makeExchangeFile(paths.exchange, uid));
  const sockets = makeDirectory(paths.runtime, uid);
  await Promise.allSettled([groups, exchange, sockets]);
  await Promise.all([exchange, sockets]);
  return await groups;
}

/** Sparse: it takes no room, and is never written. */
async function makeBlankMemory(path: string, memoryMiB: number, uid: number | undefined): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.truncate(memoryMiB * 1024 * 1024);
  if (uid !== undefined) await file.chown(uid, uid);
}

async function makeDirectory(path: string, uid: number | undefined): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  if (uid !== undefined) await chown(path, uid, uid);
}

/** What its QEMU is given, however it begins. */
export function devicesOf(
  host: MachineHost,
  { spec, footing, paths }: Making,
  volumes: readonly (BlockNode | undefined)[] = [],
) {
  return {
    vcpus: vcpusOf(spec.size),
    memoryMiB: spec.size.memoryMiB,
    memoryFile: memoryFileOf(host, spec.id, footing),
    disk: paths.overlay,
    exchange: paths.exchange,
    volumes,
    sockets: paths,
  };
}

async function spawn(
  host: MachineHost,
  making: Making & { readonly groups: readonly string[] },
): Promise<SpawnedProgram> {
  const { footing, kept, isWholeMemory, groups, uid } = making;
  const devices = devicesOf(host, making, await lendVolumes(host, making));
  const backing = disksBelow(host.roots, footing).map(({ path }) => path);
  const awaits = kept !== undefined && isWholeMemory !== true;
  const origin = awaits ? ({ kind: "await" } as const) : ({ kind: "restore", stateDescriptor } as const);
  const state = await open((kept ?? templateOf(host.roots, footing)).state, "r");
  try {
    return await launch(host, { devices, origin, backing, inherited: [state.fd], groups, uid });
  } finally {
    await state.close();
  }
}

/** Both the control channel and the agent's are awaited, and the end of the process, which would end the waiting. */
async function connect(
  host: MachineHost,
  making: Making & { readonly groups: readonly string[]; readonly spawned: SpawnedProgram },
  hooks: StartHooks,
  signal: AbortSignal,
): Promise<{ readonly guest: Guest; readonly qmp: Qmp }> {
  const { spec, footing, kept, isWholeMemory, paths, uid, groups, spawned } = making;
  const giveUp = new AbortController();
  const abort = () => giveUp.abort(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  let settled = false;
  void spawned.ended.then((how) => settled || giveUp.abort(endedEarly(how, kept)));
  const record = machineRecord(host, making, groups, spawned.identity);
  const control = connectQmp(paths, giveUp.signal);
  const goesOn =
    isWholeMemory !== true &&
    kept &&
    control.then((qmp) => goOn(host, { id: spec.id, spawned, footing, kept, qmp, stateDescriptor }, giveUp.signal));
  const [qmp, guest] = await allOrNothing(
    control,
    Promise.resolve(goesOn).then(() =>
      connectAndRenew(
        { spec, paths, uid, serveHost: host.serveHost?.(spec.id), relay: host.relay },
        hooks,
        giveUp.signal,
      ),
    ),
    [writeMachineRecord(paths.record, record)],
    giveUp,
  ).finally(() => {
    settled = true;
    signal.removeEventListener("abort", abort);
  });
  await host.cgroups?.limitCpu(shortId(spec.id), cpuLimitsOf(spec.size.cpuMillicores));
  return { qmp, guest };
}

/** QEMU checks the devices that it takes up, and ends where they are not as it wrote them. */
function endedEarly(how: string, kept: KeptPaths | undefined): Error {
  if (kept === undefined) return new Error(how);
  return new AlcoveError("SnapshotIncompatible", `What was kept cannot be taken up: ${how}`);
}

export function machineRecord(
  host: MachineHost,
  { spec, footing, uid }: Making,
  groups: readonly string[],
  identity: ProcessIdentity,
): MachineRecord {
  return {
    version: 1,
    id: spec.id,
    ...identity,
    hostBootId: host.hostBootId,
    ...(uid === undefined ? {} : { uid }),
    groups,
    cpuMillicores: spec.size.cpuMillicores,
    generation: spec.generation,
    templateKey: footing.templateKey,
    footing,
  };
}

/** When one of them fails, the others are given up, and what they had opened is closed. */
async function allOrNothing(
  qmp: Promise<Qmp>,
  guest: Promise<Guest>,
  others: readonly Promise<unknown>[],
  giveUp: AbortController,
): Promise<readonly [Qmp, Guest]> {
  try {
    const [openQmp, openGuest] = await Promise.all([qmp, guest, ...others]);
    return [openQmp as Qmp, openGuest as Guest];
  } catch (error) {
    giveUp.abort(error);
    await Promise.allSettled([qmp.then((open) => open.close()), guest.then((open) => open.close()), ...others]);
    throw giveUp.signal.reason;
  }
}

/**
 * The agent's own calls to the daemon can wait until its guest is renewed: under emulation every stream that is opened costs
 * the guest tens of milliseconds the first time.
 */
async function connectAndRenew(
  { spec, paths, uid, ...sides }: Pick<Making, "spec" | "paths" | "uid"> & Pick<ConnectOptions, "serveHost" | "relay">,
  hooks: StartHooks,
  signal: AbortSignal,
): Promise<Guest> {
  const renewed = new AbortController();
  const open = async (name: "agent" | "host", within: AbortSignal) => {
    if (name === "host") await abortOf(renewed.signal, within);
    const socket = await connectUnread(paths[name], within);
    if (name === "agent") hooks.mark("listening");
    return socket;
  };
  const openExchange = () => openExchangeFile(paths.exchange, uid);
  const guest = await connectGuest(open, { generation: spec.generation, signal, openExchange, ...sides });
  hooks.mark("connected");
  try {
    await renewOnTime(guest, spec, signal);
    hooks.mark("renewed");
    return guest;
  } catch (error) {
    await guest.close();
    throw error;
  } finally {
    renewed.abort();
  }
}

/** Fulfils when the first signal aborts; rejects when the second does before. */
function abortOf(awaited: AbortSignal, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (awaited.aborted) return resolve();
    awaited.addEventListener("abort", () => resolve(), { once: true });
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
