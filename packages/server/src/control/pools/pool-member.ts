/**
 * Makes a member of a warm pool: a machine under the id that its sandbox will have, in which programs have run, so that the
 * first one of its user finds agent, kernel and libraries warm; under emulation their code is translated by then.
 */
import { randomUUID } from "node:crypto";
import { AlcoveError, type Image } from "@alcove/contract";
import type { DiskImage, Engine, Machine, MachineOrigin } from "../../engines/engine.js";
import { undone } from "../../lib/undo.js";
import type { PoolRecord } from "../../store/pools.js";
import { runBuffered } from "../execs/buffered-exec.js";
import { hostnameOf } from "../sandboxes/machine-spec.js";

/** The agent's own in a template; a sandbox's first is greater, so what watches it notices when the member becomes one. */
const unassigned = 0;
const warmTimeoutMs = 10_000;
const outputLimitBytes = 4_096;
/** What nearly everybody's first program needs, or is; by env, since the shell has some of them in itself. */
const commonPrograms = ["sh", "-c", "env true; env echo; env cat /dev/null; env ls /"];
/** Each finds more of its way warm. */
const warmRuns = 3;

export interface MemberOrder {
  readonly id: string;
  readonly record: PoolRecord;
  readonly disk: DiskImage;
  readonly config: Image["config"];
  /** Of the pool's primed template, where it has one. */
  readonly origin?: MachineOrigin | undefined;
}

/** Undoes its own work when it fails. */
export async function startMember(engine: Engine, order: MemberOrder, signal: AbortSignal): Promise<Machine> {
  const machine = await startUnassigned(engine, order, signal);
  try {
    for (const argv of order.disk.warm) await warm(machine, argv, signal);
    for (let run = 0; run < warmRuns; run++) await warm(machine, commonPrograms, signal);
    return machine;
  } catch (error) {
    throw await undone(error, () => machine.destroy());
  }
}

/** A machine that is nobody's yet. */
export async function startUnassigned(engine: Engine, order: MemberOrder, signal: AbortSignal): Promise<Machine> {
  const { id, record, disk, config, origin } = order;
  const { environment = {} } = config;
  const spec = { id, disk, size: record.size, hostname: hostnameOf(id), environment, generation: unassigned };
  return await engine.start({ ...spec, ...(origin && { origin }) }, signal);
}

/** An image need not have a shell: what is refused has gone most of the way. */
async function warm(machine: Machine, argv: readonly string[], signal: AbortSignal): Promise<void> {
  const spec = execOf(argv, warmTimeoutMs);
  try {
    await runBuffered({ execs: machine.guest.execs, spec, input: undefined }, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AlcoveError) || error.status >= 500) throw error;
  }
}

export function execOf(argv: readonly string[], timeoutMs: number) {
  return { id: randomUUID(), argv, environment: {}, stdin: false, timeoutMs, outputLimitBytes };
}
