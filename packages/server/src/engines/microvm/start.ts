/**
 * Starts a machine from a template: one process that goes on where the template stopped. What can be done at once is done at
 * once, and nothing here costs in proportion to an image or to memory.
 */
import { chown, mkdir, open } from "node:fs/promises";
import { connectGuest } from "../../guest/connect.js";
import type { Guest, Renewal } from "../../guest/guest.js";
import type { SpawnedProgram } from "../../host/spawn.js";
import { undone } from "../../lib/undo.js";
import type { MachineSpec } from "../engine.js";
import { makeExchangeFile, openExchangeFile } from "./exchange-file.js";
import { launch } from "./launch.js";
import { MicrovmMachine } from "./machine.js";
import { cpuLimitsOf, diskBytesOf, limitsOf, type MachineHost, vcpusOf } from "./machine-host.js";
import { type MachinePaths, machinePaths, shortId } from "./machine-paths.js";
import { writeMachineRecord } from "./machine-record.js";
import type { StartTimings } from "./options.js";
import { writeOverlay } from "./overlay.js";
import { Qmp } from "./qmp.js";
import { removeMachine } from "./removal.js";
import { connectSocket } from "./socket.js";
import type { Template } from "./template.js";

export interface StartHooks {
  readonly onEnded: () => void;
  readonly mark: (phase: Exclude<keyof StartTimings, "id">) => void;
}

export async function startMachine(
  host: MachineHost,
  start: { readonly spec: MachineSpec; readonly template: Template },
  hooks: StartHooks,
  signal: AbortSignal,
): Promise<MicrovmMachine> {
  const { spec, template } = start;
  const paths = machinePaths(host.roots, spec.id);
  const uid = host.users?.claim();
  let spawned: SpawnedProgram | undefined;
  try {
    const groups = await makeFiles(host, { ...start, paths, uid });
    hooks.mark("files");
    spawned = await spawn(host, { ...start, paths, uid, groups });
    hooks.mark("spawned");
    const connected = await connect(host, { spec, template, paths, uid, groups, spawned }, hooks, signal);
    return new MicrovmMachine(
      host,
      { id: spec.id, uid, templateKey: template.key, process: spawned.identity, ...connected, program: spawned },
      hooks.onEnded,
    );
  } catch (error) {
    throw await undone(error, () => removeMachine(host, { id: spec.id, process: spawned?.identity, uid }));
  }
}

interface Making {
  readonly spec: MachineSpec;
  readonly template: Template;
  readonly paths: MachinePaths;
  readonly uid: number | undefined;
}

/** Answers the directories of its control groups. */
async function makeFiles(host: MachineHost, { spec, template, paths, uid }: Making): Promise<readonly string[]> {
  const backing = { path: template.disk, format: "qcow2" } as const;
  const groups = host.cgroups?.create(shortId(spec.id), limitsOf(spec.size)) ?? [];
  const disk = makeDirectory(paths.directory, uid).then(async () => {
    await writeOverlay(paths.overlay, backing, diskBytesOf(spec.size));
    if (uid !== undefined) await chown(paths.overlay, uid, uid);
  });
  const exchange = disk.then(() => makeExchangeFile(paths.exchange, uid));
  const sockets = makeDirectory(paths.runtime, uid);
  await Promise.allSettled([groups, exchange, sockets]);
  await Promise.all([exchange, sockets]);
  return await groups;
}

async function makeDirectory(path: string, uid: number | undefined): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  if (uid !== undefined) await chown(path, uid, uid);
}

async function spawn(
  host: MachineHost,
  making: Making & { readonly groups: readonly string[] },
): Promise<SpawnedProgram> {
  const { spec, template, paths, groups, uid } = making;
  const state = await open(template.state, "r");
  try {
    const devices = {
      vcpus: vcpusOf(spec.size),
      memoryMiB: spec.size.memoryMiB,
      memoryFile: template.memory,
      disk: paths.overlay,
      exchange: paths.exchange,
      sockets: paths,
    };
    const origin = { kind: "restore", stateDescriptor: 3 } as const;
    return await launch(host, {
      devices,
      origin,
      backing: [template.disk, spec.disk.path],
      inherited: [state.fd],
      groups,
      uid,
    });
  } finally {
    await state.close();
  }
}

/** Both the control channel and the agent's are awaited, and the end of the process, which would end the waiting. */
async function connect(
  host: MachineHost,
  {
    spec,
    template,
    paths,
    uid,
    groups,
    spawned,
  }: Making & { readonly groups: readonly string[]; readonly spawned: SpawnedProgram },
  hooks: StartHooks,
  signal: AbortSignal,
): Promise<{ readonly guest: Guest; readonly qmp: Qmp }> {
  const giveUp = new AbortController();
  const abort = () => giveUp.abort(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  let settled = false;
  void spawned.ended.then((how) => settled || giveUp.abort(new Error(how)));
  const record = {
    version: 1,
    id: spec.id,
    ...spawned.identity,
    hostBootId: host.hostBootId,
    ...(uid === undefined ? {} : { uid }),
    groups,
    cpuMillicores: spec.size.cpuMillicores,
    generation: spec.generation,
    templateKey: template.key,
  } as const;
  const [qmp, guest] = await allOrNothing(
    connectQmp(paths, giveUp.signal),
    connectAndRenew({ spec, paths, uid }, hooks, giveUp.signal),
    [writeMachineRecord(paths.record, record)],
    giveUp,
  ).finally(() => {
    settled = true;
    signal.removeEventListener("abort", abort);
  });
  await host.cgroups?.limitCpu(shortId(spec.id), cpuLimitsOf(spec.size.cpuMillicores));
  return { qmp, guest };
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

export async function connectQmp(paths: Pick<MachinePaths, "qmp">, signal: AbortSignal): Promise<Qmp> {
  const qmp = new Qmp(await connectSocket(paths.qmp, signal));
  try {
    await qmp.negotiate(signal);
    return qmp;
  } catch (error) {
    qmp.close();
    throw error;
  }
}

/**
 * The agent's own calls to the daemon can wait until its guest is renewed: under emulation every stream that is opened costs
 * the guest tens of milliseconds the first time.
 */
async function connectAndRenew(
  { spec, paths, uid }: Pick<Making, "spec" | "paths" | "uid">,
  hooks: StartHooks,
  signal: AbortSignal,
): Promise<Guest> {
  const renewed = new AbortController();
  const open = async (name: "agent" | "host", within: AbortSignal) => {
    if (name === "host") await abortOf(renewed.signal, within);
    const socket = await connectSocket(paths[name], within);
    if (name === "agent") hooks.mark("listening");
    return socket;
  };
  const openExchange = () => openExchangeFile(paths.exchange, uid);
  const guest = await connectGuest(open, { generation: spec.generation, signal, openExchange });
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

/** The time that a renewal brings is as late as the renewal is slow, and under emulation the first one is: done again, it is quick. */
const promptMs = 40;
const renewals = 2;

async function renewOnTime(guest: Guest, spec: MachineSpec, signal: AbortSignal): Promise<void> {
  for (let renewal = 0; renewal < renewals; renewal++) {
    const began = performance.now();
    await guest.renew(renewalOf(spec), signal);
    if (performance.now() - began <= promptMs) return;
  }
}

function renewalOf({ id, generation, hostname, environment }: MachineSpec): Renewal {
  return { generation, hostname, machineId: id.replaceAll("-", ""), environment, thaw: true };
}

/** Fulfils when the first signal aborts; rejects when the second does before. */
function abortOf(awaited: AbortSignal, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (awaited.aborted) return resolve();
    awaited.addEventListener("abort", () => resolve(), { once: true });
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
