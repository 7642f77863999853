/** Finds what an earlier daemon left: machines that run are taken over, everything that nobody claims is removed. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { reconnectGuest } from "../../../guest/connect.js";
import type { Guest } from "../../../guest/guest.js";
import { isAlive } from "../../../host/processes.js";
import { withDeadline } from "../../../lib/deadline.js";
import type { Recovery } from "../../engine.js";
import type { Qmp } from "../qmp/qmp.js";
import { connectQmp } from "../qmp/qmp-connection.js";
import { connectUnread } from "../qmp/socket.js";
import { finishLayer, isLaid } from "../saves/disk-laying.js";
import { openExchangeFile } from "./exchange-file.js";
import type { Footing } from "./footing.js";
import { MicrovmMachine } from "./machine.js";
import { cpuLimitsOf, type MachineHost } from "./machine-host.js";
import { machinePaths, sandboxesDirectory, shortId, socketsDirectory } from "./machine-paths.js";
import { findMachineProcesses, sandboxIdIn } from "./machine-processes.js";
import { type MachineRecord, readMachineRecord } from "./machine-record.js";
import { removeMachine } from "./removal.js";

/** A machine whose QEMU is silent for so long counts as lost. */
const reconnectTimeoutMs = 15_000;

type Loss = { readonly reason: "EngineLost" | "HostRestarted"; readonly message: string };

/**
 * Puts each machine that it takes over into `machines`, and lets the builders of this daemon alone, and those that are there already: QEMU talks to one
 * daemon once, so a recovery that failed half-way must not ask the machines that it has a second time.
 */
export async function recoverMachines(
  host: MachineHost,
  owned: ReadonlySet<string>,
  { machines, builders }: { readonly machines: Map<string, MicrovmMachine>; readonly builders: ReadonlySet<string> },
  signal: AbortSignal,
): Promise<Recovery> {
  const lost = new Map<string, Loss>();
  const unknown = [...owned].filter((id) => !machines.has(id));
  await Promise.all(
    unknown.map(async (id) => {
      const found = await adopt(host, id, () => machines.delete(id), signal);
      if (found instanceof MicrovmMachine) machines.set(id, found);
      else lost.set(id, found);
    }),
  );
  const removed = await sweep(host, new Set([...machines.keys(), ...builders]));
  return { machines: [...machines.values()].filter(({ id }) => owned.has(id)), lost, removed };
}

async function adopt(
  host: MachineHost,
  id: string,
  onEnded: () => void,
  signal: AbortSignal,
): Promise<MicrovmMachine | Loss> {
  const record = await readMachineRecord(machinePaths(host.roots, id).record);
  if (record === undefined) return { reason: "EngineLost", message: "There is no record of its machine." };
  if (record.hostBootId !== host.hostBootId) return { reason: "HostRestarted", message: "The host was restarted." };
  if (!(await isAlive(record))) return { reason: "EngineLost", message: "QEMU ended while no daemon was running." };
  try {
    return await reconnect(host, record, onEnded, signal);
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    return { reason: "EngineLost", message: `The machine did not answer to the new daemon: ${why}` };
  }
}

/**
 * A machine whose QEMU answers is there, whatever its agent does: it may be held because the disk is full, or slow because the
 * host is, and what a user runs in it is not ended for that.
 */
async function reconnect(
  host: MachineHost,
  record: MachineRecord,
  onEnded: () => void,
  signal: AbortSignal,
): Promise<MicrovmMachine> {
  using deadline = withDeadline(signal, reconnectTimeoutMs);
  const { id, uid, generation } = record;
  const paths = machinePaths(host.roots, id);
  const qmp = await connectQmp(paths, deadline.signal);
  if (uid !== undefined) host.users?.take(uid);
  await host.cgroups?.limitCpu(shortId(id), cpuLimitsOf(record.cpuMillicores)).catch(() => undefined);
  const openExchange = () => openExchangeFile(paths.exchange, uid);
  const footing = await settle(host, record, qmp, deadline.signal);
  const serveHost = host.serveHost?.(id);
  const options = { generation, openExchange, serveHost, relay: host.relay };
  const guest = reconnectGuest((name, within) => connectUnread(paths[name], within), options);
  const process = { pid: record.pid, startTime: record.startTime };
  const machine = new MicrovmMachine(host, { id, uid, process, generation, footing, guest, qmp }, onEnded);
  try {
    await machine.lookForHold(deadline.signal);
    letGoOn(guest);
    return machine;
  } catch (error) {
    await machine.letGo();
    throw error;
  }
}

/** Finishes what a daemon that was killed had begun: a layer that was being laid, a machine that was paused. Answers what the machine stands on. */
async function settle(
  host: MachineHost,
  { id, footing, layering }: MachineRecord,
  qmp: Qmp,
  signal: AbortSignal,
): Promise<Footing | undefined> {
  const { status } = RunState.parse(await qmp.execute("query-status", {}, signal));
  if (footing === undefined) return undefined;
  let truth = footing;
  if (layering !== undefined) {
    truth = await finishLayer(host, { id, footing, layering, isLaid: await isLaid(qmp, layering, signal) });
  }
  host.holdings.hold({ kind: "machine", id }, truth);
  if (status === "paused") await qmp.execute("cont", {}, signal);
  return truth;
}

const RunState = z.object({ status: z.string().max(100) });

/** Its processes may have been frozen by a daemon that was killed. */
function letGoOn(guest: Guest): void {
  const thawing = guest.thaw(AbortSignal.timeout(reconnectTimeoutMs));
  thawing.catch(() => undefined);
}

/** Removes what belongs to no running machine: directories, processes, sockets, control groups. */
async function sweep(host: MachineHost, running: ReadonlySet<string>): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const id of await unclaimedIds(host, running)) {
    const record = await readMachineRecord(machinePaths(host.roots, id).record);
    removed.push(await told(removeMachine(host, { id, uid: record?.uid }), `what is left of the machine ${id}`));
  }
  const claimed = new Set([...running].map(shortId));
  for (const name of await readdir(socketsDirectory(host.roots))) {
    if (claimed.has(name)) continue;
    const directory = join(socketsDirectory(host.roots), name);
    removed.push(
      await told(rm(directory, { recursive: true, force: true }), `the sockets ${name}, which nobody claims`),
    );
  }
  for (const name of (await host.cgroups?.list()) ?? []) {
    if (claimed.has(name)) continue;
    const removal = host.cgroups?.remove(name, AbortSignal.timeout(5_000));
    removed.push(await told(removal, `the control group ${name}, which nobody claims`));
  }
  return removed;
}

/** What cannot be removed now is left for the next daemon: it must not keep the machines that run from being taken over. */
async function told(removal: Promise<void> | undefined, what: string): Promise<string> {
  try {
    await removal;
    return `Removed ${what}.`;
  } catch (error) {
    return `Could not remove ${what}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** By their directories, and by the processes whose command line names one that is gone. */
async function unclaimedIds(host: MachineHost, running: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const directory = sandboxesDirectory(host.roots);
  const ids = new Set(await readdir(directory));
  for (const { argv } of await findMachineProcesses(directory)) {
    const id = sandboxIdIn(argv, directory);
    if (id !== undefined) ids.add(id);
  }
  for (const id of running) ids.delete(id);
  return ids;
}
