/** A sandbox that starts from a snapshot: how it is run comes along, and the request says nothing else about that. */
import { randomUUID } from "node:crypto";
import { AlcoveError, type CreateSandbox, roundUp, type Size, sizeOf } from "@alcove/contract";
import type { MachineOrigin, SaveMode } from "../../engines/engine.js";
import { completePolicy } from "../../lifecycle/policy.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { SnapshotRecord } from "../../store/snapshots.js";
import type { ControlContext } from "../context.js";
import { askedEgress } from "../egress/egress-choice.js";
import { requireEntrypointSecrets, type Secrets } from "../execs/secrets.js";
import { requireReady, requireSnapshot } from "./snapshot-finding.js";
import { requireSaves } from "./snapshot-taking.js";

/** What a sandbox takes of the snapshot that it starts from. */
export type FromSnapshot = Omit<
  SandboxRecord,
  | "id"
  | "state"
  | "desiredState"
  | "stateDetails"
  | "generation"
  | "createdAt"
  | "labels"
  | "maker"
  | "activationMode"
  | "suspension"
>;

type Source = NonNullable<NonNullable<CreateSandbox["sourcesRef"]>["snapshot"]>;

const comeAlong = ["environment", "entrypoint", "cmd", "entrypointSecrets", "workingDirectory"] as const;

/** Errors: SnapshotNotFound, SnapshotIncompatible, InvalidRequest where the request says what the snapshot says. */
export function fromSnapshot(
  context: ControlContext,
  { group, source, body }: { readonly group: string; readonly source: Source; readonly body: CreateSandbox },
): FromSnapshot {
  requireSaves(context);
  const { id, from } = source;
  const snapshot = requireSnapshot(context, { group, snapshotId: id }, "sourcesRef.snapshot.id");
  requireReady(snapshot);
  requireMode(snapshot, from, "sourcesRef.snapshot.from");
  refuseWhatComesAlong(snapshot, body);
  const parts = copied(context, { ...snapshot, mode: from ?? snapshot.mode }, body.secretEnvironment ?? {});
  const lifecycle = completePolicy(body.lifecycle, parts.lifecycle);
  return { ...parts, lifecycle, egress: askedEgress(body) ?? parts.egress };
}

/** Whoever wants its memory must not get a sandbox without. */
export function requireMode({ id, mode }: SnapshotRecord, from: SaveMode | undefined, field: string): void {
  if (from !== "Memory" || mode === "Memory") return;
  throw new AlcoveError("InvalidRequest", `The snapshot ${id} has its disk alone, and no memory.`, {
    ...{ field, value: from },
    hint: "Leave it out: what starts from the snapshot boots from its disk.",
  });
}

/** The record's part that a snapshot says. */
export function copied({ engine }: ControlContext, snapshot: SnapshotRecord, secrets: Secrets): FromSnapshot {
  if (snapshot.engine !== engine.name) {
    const detail = `The snapshot ${snapshot.id} was taken by the ${snapshot.engine} engine; this daemon runs ${engine.name}.`;
    throw new AlcoveError("SnapshotIncompatible", detail);
  }
  const { id: snapshotId, image, imageIsPublic, imageKey, size, start, mode } = snapshot;
  const boots = mode === "Disk";
  if (boots) requireEntrypointSecrets(start.entrypointSecrets, secrets);
  return {
    ...{ group: snapshot.group, engine: engine.name, image, imageIsPublic, imageKey, size, ...start, snapshotId },
    snapshotFrom: mode,
    entrypointSecrets: start.entrypointSecrets.filter((name) => Object.hasOwn(secrets, name)),
    entrypointExecId: boots && start.entrypointExecId !== undefined ? randomUUID() : start.entrypointExecId,
    ...{ forkedFrom: undefined, entropy: undefined },
  };
}

/** Asked once more in the moment before the sandbox is recorded; from then on the snapshot stays until it has started. */
export function requireOrigin(context: ControlContext, { group, snapshotId, forkedFrom }: SandboxRecord): void {
  if (snapshotId === undefined || forkedFrom !== undefined) return;
  requireSnapshot(context, { group, snapshotId }, "sourcesRef.snapshot.id");
}

/** What its machine goes on from. */
export function originOf(
  { store }: ControlContext,
  { snapshotId, snapshotFrom }: SandboxRecord,
): { readonly origin?: MachineOrigin } {
  if (snapshotId === undefined) return {};
  const snapshot = store.snapshots.find(snapshotId);
  if (snapshot === undefined) throw new AlcoveError("SnapshotNotFound", `The snapshot ${snapshotId} is gone.`);
  return { origin: { kind: "snapshot", snapshotId, from: snapshotFrom ?? snapshot.mode } };
}

function refuseWhatComesAlong({ id, size }: SnapshotRecord, body: CreateSandbox): void {
  const field = comeAlong.find((name) => body[name] !== undefined);
  if (field !== undefined) {
    throw new AlcoveError("InvalidRequest", `${field} comes along with the snapshot ${id}: leave it out.`, {
      field,
      hint: "Start from an image where it has to be another one, or give it to each exec.",
    });
  }
  const asked = roundUp({ ...size, ...sizeOf(body.resources ?? {}) });
  if (sizeText(asked) === sizeText(size)) return;
  throw new AlcoveError("InvalidRequest", `What starts from the snapshot ${id} has its size: ${sizeText(size)}.`, {
    field: "resources",
    hint: "Leave resources out.",
  });
}

export function sizeText({ cpuMillicores, memoryMiB, diskMiB }: Size): string {
  return `${cpuMillicores}m, ${memoryMiB}Mi, ${diskMiB}Mi`;
}
