/**
 * Boots a guest to its agent's hello. Under emulation two boots of five hang in the kernel's timer calibration, where the
 * kernel is not told the counter's rate, and one in twenty-four where it is: so every boot has a deadline and is tried again.
 */
import { rm } from "node:fs/promises";
import { AlcoveError } from "@alcove/contract";
import { connectGuest } from "../../../guest/connect.js";
import type { OpenExchange } from "../../../guest/exchange/exchange.js";
import type { Guest } from "../../../guest/guest.js";
import type { ServeHost } from "../../../guest/host-side.js";
import type { GuestRelay } from "../../../guest/relay/relay.js";
import { killProcess } from "../../../host/processes.js";
import type { SpawnedProgram } from "../../../host/spawn.js";
import { withDeadline } from "../../../lib/deadline.js";
import { printable } from "../../../lib/printable.js";
import type { Qmp } from "../qmp/qmp.js";
import { connectQmp } from "../qmp/qmp-connection.js";
import { connectUnread } from "../qmp/socket.js";
import type { Accelerator, MachineDevices, Origin } from "./command-line.js";
import { GuestConsole } from "./guest-console.js";
import { launch } from "./launch.js";
import type { MachineHost } from "./machine-host.js";

/** How long one boot may take, and how often it is tried. */
export function bootPatience(accelerator: Accelerator): Pick<BootPlan, "deadlineMs" | "tries"> {
  return { deadlineMs: accelerator === "tcg" ? 30_000 : 15_000, tries: 6 };
}

export interface BootPlan {
  readonly devices: MachineDevices;
  /** Whether the guest's memory becomes the file, as it does when left out, or maps it privately. */
  readonly memory?: "made" | "private";
  /** How to open the machine's file for exchange, where it has one. */
  readonly openExchange?: OpenExchange;
  /** Who answers the agent's calls, where it is not the daemon. */
  readonly serveHost?: ServeHost | undefined;
  readonly uid: number | undefined;
  readonly groups: readonly string[];
  /** The files behind the disk. */
  readonly backing: readonly string[];
  readonly deadlineMs: number;
  readonly tries: number;
  readonly onTry?: (attempt: number) => void;
}

export interface Booted {
  readonly guest: Guest;
  readonly qmp: Qmp;
  readonly program: SpawnedProgram;
  /** The last lines of its console, as the end of a sentence. */
  lastLines(): Promise<string>;
  /** Ends the machine; its files stay. */
  end(): Promise<void>;
}

export async function boot(host: MachineHost, plan: BootPlan, signal: AbortSignal): Promise<Booted> {
  let last: unknown;
  for (let attempt = 1; attempt <= plan.tries; attempt++) {
    plan.onTry?.(attempt);
    try {
      return await bootOnce(host, plan, signal);
    } catch (error) {
      signal.throwIfAborted();
      last = error;
    }
  }
  throw new AlcoveError(
    "EngineUnavailable",
    `The guest did not boot in ${plan.tries} tries of ${plan.deadlineMs} ms each; the last one: ${messageOf(last)}`,
    { cause: last },
  );
}

async function bootOnce(host: MachineHost, plan: BootPlan, signal: AbortSignal): Promise<Booted> {
  const { memoryFile } = plan.devices;
  const memory = plan.memory ?? "made";
  if (memoryFile !== undefined && memory === "made") await rm(memoryFile, { force: true });
  const { kernel, initramfs } = host.installation.assets;
  const origin: Origin = { kind: "boot", kernel, initramfs, memory };
  const program = await launch(host, { ...plan, origin, inherited: [] });
  using deadline = withDeadline(signal, plan.deadlineMs);
  const giveUp = new AbortController();
  deadline.signal.addEventListener("abort", () => giveUp.abort(deadline.signal.reason), { once: true });
  let qmp: Qmp | undefined;
  const end = async () => {
    qmp?.close();
    await killProcess(program.identity, AbortSignal.timeout(10_000));
  };
  try {
    const control = await unlessEnded(program, connectQmp(plan.devices.sockets, giveUp.signal));
    qmp = control;
    const guest = await unlessEnded(program, connectAgent(plan, host.relay, giveUp.signal));
    const endAll = async () => void (await Promise.all([guest.close(), end()]));
    return { guest, qmp: control, program, lastLines: () => lastLines(control), end: endAll };
  } catch (error) {
    giveUp.abort(error);
    const seen = qmp === undefined ? "" : await lastLines(qmp);
    await end();
    throw new Error(`${messageOf(error)}${seen}`, { cause: error });
  }
}

/** The agent's hellos give up after some seconds, a guest's kernel takes longer: asked again until the deadline. */
async function connectAgent(
  { devices, openExchange, serveHost }: BootPlan,
  relay: GuestRelay | undefined,
  signal: AbortSignal,
): Promise<Guest> {
  const options = { signal, serveHost, relay, ...(openExchange && { openExchange }) };
  for (;;) {
    try {
      return await connectGuest((name, within) => connectUnread(devices.sockets[name], within), options);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AlcoveError)) throw error;
    }
  }
}

async function unlessEnded<T>(program: SpawnedProgram, work: Promise<T>): Promise<T> {
  const died = program.ended.then((how) => Promise.reject(new Error(how)));
  return Promise.race([work, died]);
}

async function lastLines(qmp: Qmp): Promise<string> {
  try {
    const text = Buffer.from(await new GuestConsole(qmp).read(AbortSignal.timeout(2_000))).toString("latin1");
    const lines = text.trim().split(/\r?\n/).slice(-8);
    if (text.trim() === "") return "; its console is empty";
    return `; its console's last lines:\n${lines.map((line) => printable(line)).join("\n")}`;
  } catch {
    return "";
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
