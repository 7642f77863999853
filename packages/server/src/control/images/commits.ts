/** A sandbox's disk becomes an image of its group: through a snapshot that nobody sees, which goes when the image is built. */
import { randomUUID } from "node:crypto";
import { AlcoveError, type CommitSandbox, type Image, type ImageConfig } from "@alcove/contract";
import { withDeadline } from "../../lib/deadline.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import { requireSandbox, requireSaves, takeSnapshot } from "../snapshots/snapshot-taking.js";
import { refuseBusy, requireRoomForName } from "./image-sources.js";

interface Commit {
  readonly ref: SandboxRef;
  readonly body: CommitSandbox;
}

/** Answers while the image is Building. */
export async function commitSandbox(
  context: ControlContext,
  { ref, body }: Commit,
  signal: AbortSignal,
): Promise<Image> {
  const { crashPoint, gate, imageBuilds, imagePreparations, imageUse, snapshotRemovals } = context;
  await gate.enter(ref.group);
  const saves = requireSaves(context);
  const of = { group: ref.group, name: body.name };
  const refuse = () => {
    refuseBusy(context, of);
    requireRoomForName(context, of);
  };
  refuse();
  const sandbox = requireSandbox(context, ref);
  requireOnDisk(sandbox);
  await flush(context, sandbox, signal);
  const { record, hold } = await takeSnapshot(context, { ref, isInternal: true, isOfDisk: true }, signal);
  const release = async () => {
    hold[Symbol.dispose]();
    snapshotRemovals.collectInBackground();
  };
  try {
    crashPoint("commit.afterSnapshot");
    refuse();
    imagePreparations.forget(of.group, of.name);
    imageBuilds.begin({
      ...{ ...of, labels: body.labels ?? {}, fingerprint: "", source: { kind: "commit", sandboxId: ref.id } },
      order: {
        ...{ kind: "disk", sandboxId: ref.id, config: configOf(sandbox) },
        write: (path, during) => saves.writeDisk({ kind: "snapshot", snapshotId: record.id }, path, during),
        [Symbol.asyncDispose]: release,
      },
    });
    crashPoint("commit.afterBegin");
  } catch (error) {
    await release();
    throw error;
  }
  return imageUse.read({ ...of, isPublic: false });
}

function requireOnDisk({ id, state, suspension }: SandboxRecord): void {
  if (state !== "Stopped" || suspension?.mode !== "Memory" || suspension.rollback !== undefined) return;
  const detail = `The sandbox ${id} was stopped with its memory: part of what its programs wrote may be there alone.`;
  throw new AlcoveError("SandboxNotRunning", detail, { hint: "Resume it first, or stop it with mode Disk." });
}

const flushMs = 30_000;

/** What its programs wrote is on its disk, not only in its memory. */
async function flush({ machines }: ControlContext, sandbox: SandboxRecord, parent: AbortSignal): Promise<void> {
  const running = machines.find(sandbox.id);
  if (running === undefined) return;
  using deadline = withDeadline(parent, flushMs);
  const spec = { id: randomUUID(), argv: ["sync"], environment: {}, stdin: false, forget: true, user: "0" };
  for await (const frame of running.machine.guest.execs.run(spec, deadline.signal)) {
    if (frame.kind !== "end" || frame.status.exitCode === 0) continue;
    const detail = `The sandbox ${sandbox.id} could not write what is in its memory to its disk: sync ended with ${frame.status.exitCode}.`;
    throw new AlcoveError("InvalidRequest", detail, {
      hint: "Put a program `sync` into the sandbox, as coreutils has it.",
    });
  }
}

/** How the sandbox was run is how the image is. Its environment may hold what is nobody else's: only the image's own comes along. */
function configOf({ imageConfig, entrypoint, cmd, workingDirectory }: SandboxRecord): ImageConfig {
  const directory = workingDirectory ?? imageConfig.workingDirectory;
  return {
    ...{ environment: {}, exposedPorts: [], ...imageConfig, entrypoint: [...entrypoint], cmd: [...cmd] },
    ...(directory === undefined ? {} : { workingDirectory: directory }),
  };
}
