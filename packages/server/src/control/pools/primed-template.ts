/**
 * A pool's primed template: a machine of its image and size in which the pool's program has run, kept as a snapshot that nobody
 * sees. The pool's members start from it, and so do the group's other sandboxes of that image and size. It is the group's alone,
 * since what the program left in memory is; it goes with the pool, and with the daemon, which makes another one.
 */
import { randomUUID } from "node:crypto";
import { AlcoveError, type Image } from "@alcove/contract";
import type { Machine, MachineOrigin } from "../../engines/engine.js";
import { printable } from "../../lib/printable.js";
import { undone } from "../../lib/undo.js";
import { noEgress } from "../../store/egress-policies.js";
import type { SnapshotRecord } from "../../store/snapshots.js";
import type { ControlContext } from "../context.js";
import { runBuffered } from "../execs/buffered-exec.js";
import { requireSaves } from "../snapshots/snapshot-taking.js";
import { execOf, type MemberOrder, startUnassigned } from "./pool-member.js";

export type PrimingContext = Pick<
  ControlContext,
  "engine" | "freeSpaceMarkBytes" | "snapshotRegister" | "snapshotRemovals"
>;

/** It stays until it is disposed of. */
export interface PrimedTemplate extends Disposable {
  readonly origin: MachineOrigin;
  /** Of the disk that it began from. */
  readonly digest: string;
  /** What the image said then. */
  readonly config: Image["config"];
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  /** As long as something starts from it. */
  hold(): Disposable;
}

const primeTimeoutMs = 300_000;
const linesTold = 5;

/** Undoes its own work when it fails: with the end of what the program said, where that failed. */
export async function makePrimedTemplate(
  context: PrimingContext,
  order: MemberOrder,
  signal: AbortSignal,
): Promise<PrimedTemplate> {
  const { engine, snapshotRemovals } = context;
  requireSaves(context);
  const machine = await startUnassigned(engine, order, signal);
  const record = recordOf(engine.name, order);
  const hold = snapshotRemovals.hold(record.id);
  try {
    await prime(machine, order, signal);
    await keep(context, machine, record, signal);
    await machine.destroy();
  } catch (error) {
    hold[Symbol.dispose]();
    snapshotRemovals.collectInBackground();
    throw await undone(error, () => machine.destroy());
  }
  const { digest } = order.disk;
  return {
    ...{ origin: { kind: "snapshot", snapshotId: record.id, from: "Memory" }, digest, config: order.config },
    madeAt: Date.now(),
    hold: () => snapshotRemovals.hold(record.id),
    [Symbol.dispose]: () => hold[Symbol.dispose](),
  };
}

async function prime(machine: Machine, { record, config }: MemberOrder, signal: AbortSignal): Promise<void> {
  const { workingDirectory, user } = config;
  const defaults = { ...(workingDirectory && { workingDirectory }), ...(user && { user }) };
  const spec = { ...execOf(record.prime, primeTimeoutMs), ...defaults };
  const { execs } = machine.guest;
  const { exitCode, timedOut, stderr, stdout } = await runBuffered({ execs, spec, input: undefined }, signal);
  if (exitCode === 0) return;
  const how = timedOut ? `did not end within ${primeTimeoutMs / 1_000} s` : `ended with ${exitCode}`;
  const said = lastLines(stderr) || lastLines(stdout);
  throw new AlcoveError("InvalidRequest", `The prime command ${how}${said === "" ? "." : `: ${said}`}`);
}

function lastLines(text: string): string {
  return text
    .trim()
    .split("\n")
    .slice(-linesTold)
    .map((line) => printable(line))
    .join(" / ");
}

/** Its memory as a file that all who start from it map. */
async function keep(context: PrimingContext, machine: Machine, record: SnapshotRecord, signal: AbortSignal) {
  const { freeSpaceMarkBytes: keptFreeBytes, snapshotRegister } = context;
  if (machine.snapshot === undefined)
    throw new AlcoveError("EngineUnavailable", `The ${record.engine} engine takes no snapshots.`);
  snapshotRegister.insert(record, []);
  // It reaches nothing, and knows no names.
  snapshotRegister.finish(record.id, await machine.snapshot(record.id, { mustFreeze: true }, signal), []);
  await requireSaves(context).share(record.id, { keptFreeBytes }, signal);
}

/** It keeps no image from being deleted: what the name means then is another template's matter. */
function recordOf(engine: string, { id, record }: MemberOrder): SnapshotRecord {
  const { group, image, imageIsPublic, size } = record;
  return {
    ...{ id: randomUUID(), group, name: undefined, labels: {}, status: "Creating", isInternal: true, engine },
    ...{ sandboxId: id, parentId: undefined, mode: "Memory", isFrozen: true, pausedMs: 0, ownBytes: 0, sharedBytes: 0 },
    ...{ image, imageIsPublic, imageKey: "", size, volumes: [] },
    start: {
      ...{ imageConfig: {}, environment: {}, askedProgram: {}, entrypoint: [], cmd: [], entrypointSecrets: [] },
      ...{ workingDirectory: undefined, entrypointExecId: undefined, lifecycle: {}, egress: noEgress },
    },
    maker: undefined,
    createdAt: Date.now(),
  };
}
