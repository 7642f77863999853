/** Copies of a running sandbox: one snapshot that nobody sees, and so many creations from it. */
import { createHmac } from "node:crypto";
import { AlcoveError, type BatchResult, type ForkSandbox } from "@alcove/contract";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";
import { namedSecrets } from "../execs/secrets.js";
import { requireQuota } from "../groups/quotas.js";
import { createBatch } from "../sandboxes/sandbox-batch.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import { createSandbox, type Helpers, newRecord, type Plan } from "../sandboxes/sandboxes.js";
import { inheritedUses, isSameMaker } from "../secrets/sandbox-secrets.js";
import { sizeOfVolumes, volumesOf } from "../volumes/snapshot-volumes.js";
import { shareSnapshot } from "./snapshot-sharing.js";
import { copied, type FromSnapshot } from "./snapshot-source.js";
import { requireSandbox, takeSnapshot } from "./snapshot-taking.js";

interface Fork {
  readonly ref: SandboxRef;
  readonly body: ForkSandbox;
  readonly maker: string | undefined;
}

export async function forkSandbox(
  context: ControlContext,
  helpers: Helpers,
  { ref, body, maker }: Fork,
  signal: AbortSignal,
): Promise<BatchResult> {
  const { crashPoint, gate, snapshotRemovals, store } = context;
  const group = await gate.enter(ref.group);
  const source = requireSandbox(context, ref);
  requireRunning(context, source);
  // Not one of them would come of it.
  const diskMiB = source.size.diskMiB + sizeOfVolumes(volumesOf(store, ref.id));
  requireQuota(group, { ...source.size, diskMiB, sandboxes: 1 });
  // Who copies it does so though it is deleted meanwhile; another than its maker gets none of its secrets.
  const isOwn = isSameMaker(maker, source.maker);
  const secrets = isOwn ? namedSecrets(store, ref.id, store.secrets.names(ref.id)) : {};
  const { record: snapshot, hold } = await takeSnapshot(context, { ref, isInternal: true }, signal);
  try {
    crashPoint("fork.afterSnapshot");
    if (body.count > 1) await shareSnapshot(context, snapshot.id, signal);
    crashPoint("fork.afterShare");
    const plan = (index: number): Plan => {
      const parts = copyNumber(index, { ...copied(context, snapshot, secrets), forkedFrom: ref.id }, body.seed);
      const asked = { labels: body.labels, activationMode: source.activationMode };
      const uses = isOwn ? inheritedUses(store.secretUses.of(snapshot.id)) : [];
      return { record: newRecord(parts, asked, maker), secrets, uses, mounts: [] };
    };
    const copies = await createBatch(context, body.count, (index) =>
      createSandbox(context, helpers, { group: ref.group, signal, plan: () => plan(index) }),
    );
    crashPoint("fork.afterCopies");
    return copies;
  } finally {
    hold[Symbol.dispose]();
    snapshotRemovals.collectInBackground();
  }
}

/** What is stopped is copied by a snapshot of it: as many sandboxes as are wanted start from that. */
function requireRunning({ machines }: ControlContext, source: SandboxRecord): void {
  const { id, state, stateDetails, suspension } = source;
  if (state === "Stopped" && suspension !== undefined && suspension.rollback === undefined) {
    const detail = `The sandbox ${id} is Stopped (${stateDetails.stoppedReason}); only one that runs can be forked.`;
    throw new AlcoveError("SandboxNotRunning", detail, {
      hint: `Resume it first, or take a snapshot of it and create sandboxes from that: \`alcove snapshot create ${id}\`.`,
    });
  }
  machines.require(source);
}

function copyNumber(index: number, parts: FromSnapshot, seed: string | undefined): FromSnapshot {
  return seed === undefined ? parts : { ...parts, entropy: entropyOf(seed, index) };
}

/** 64 bytes as hexadecimal digits: HMAC-SHA-512 of `alcove fork INDEX`, keyed with the seed's bytes. */
export function entropyOf(seed: string, index: number): string {
  return createHmac("sha512", Buffer.from(seed, "hex")).update(`alcove fork ${index}`).digest("hex");
}
