/**
 * Makes a member of a warm pool: a machine under the id that its sandbox will have, in which programs have run, so that the
 * first one of its user finds agent, kernel and libraries warm; under emulation their code is translated by then.
 */
import { randomUUID } from "node:crypto";
import { AlcoveError, type Image } from "@alcove/contract";
import type { DiskImage, Engine, Machine } from "../../engines/engine.js";
import { printable } from "../../lib/printable.js";
import { undone } from "../../lib/undo.js";
import type { PoolRecord } from "../../store/pools.js";
import { runBuffered } from "../execs/buffered-exec.js";
import { hostnameOf } from "../sandboxes/machine-spec.js";

/** The agent's own in a template; a sandbox's first is greater, so what watches it notices when the member becomes one. */
const unassigned = 0;
const primeTimeoutMs = 300_000;
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
}

/** Undoes its own work when it fails. */
export async function startMember(engine: Engine, order: MemberOrder, signal: AbortSignal): Promise<Machine> {
  const { id, record, disk, config } = order;
  const { environment = {} } = config;
  const spec = { id, disk, size: record.size, hostname: hostnameOf(id), environment, generation: unassigned };
  const machine = await engine.start(spec, signal);
  try {
    if (record.prime.length > 0) await prime(machine, order, signal);
    for (const argv of disk.warm) await warm(machine, argv, signal);
    for (let run = 0; run < warmRuns; run++) await warm(machine, commonPrograms, signal);
    return machine;
  } catch (error) {
    throw await undone(error, () => machine.destroy());
  }
}

async function prime(machine: Machine, { record, config }: MemberOrder, signal: AbortSignal): Promise<void> {
  const { workingDirectory, user } = config;
  const defaults = { ...(workingDirectory && { workingDirectory }), ...(user && { user }) };
  const spec = { ...execOf(record.prime, primeTimeoutMs), ...defaults };
  const { exitCode, timedOut, stderr } = await runBuffered(
    { execs: machine.guest.execs, spec, input: undefined },
    signal,
  );
  if (exitCode === 0) return;
  const how = timedOut ? `did not end within ${primeTimeoutMs / 1_000} s` : `ended with ${exitCode}`;
  const last = stderr.trim().split("\n").at(-1) ?? "";
  throw new AlcoveError("InvalidRequest", `The prime command ${how}${last === "" ? "." : `: ${printable(last)}`}`);
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

function execOf(argv: readonly string[], timeoutMs: number) {
  return { id: randomUUID(), argv, environment: {}, stdin: false, timeoutMs, outputLimitBytes };
}
