/** Snapshots as files: exported to take elsewhere, imported as new snapshots of a group. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { Readable } from "node:stream";
import { AlcoveError } from "@alcove/contract";
import { withoutStall } from "../../images/archive/receive.js";
import { requireRoom, whileRoom } from "../../images/room.js";
import { noEgress } from "../../store/egress-policies.js";
import type { SnapshotRecord } from "../../store/snapshots.js";
import type { ControlContext } from "../context.js";
import { policyOf } from "../egress/egress-choice.js";
import { requireQuota } from "../groups/quotas.js";
import { requireDiskSpace } from "../system/disk-space.js";
import { type ArchiveManifest, describePart, readArchive, writeArchive } from "./archive-format.js";
import { namesWhatGroupsHave, portablePolicy } from "./portable-policy.js";
import type { Import, SnapshotArchive, SnapshotRef } from "./snapshot-control.js";
import { requireReady, requireSnapshot } from "./snapshot-finding.js";
import { requireSaves } from "./snapshot-taking.js";

const bytesPerMiB = 1_048_576;
/** Tables and headers beside what a memory and a disk hold. */
const overheadRatio = 1.02;
const overheadBytes = 64 * bytesPerMiB;

/** The snapshot stays until the archive has been read, whoever deletes it. */
export async function exportSnapshot(
  context: ControlContext,
  { ref, version }: { readonly ref: SnapshotRef; readonly version: string },
  signal: AbortSignal,
): Promise<SnapshotArchive> {
  const { engine, gate, snapshotRemovals } = context;
  await gate.enter(ref.group);
  const saves = requireSaves(context);
  const record = requireSnapshot(context, ref);
  requireExportable(record, engine.name);
  await requireDiskSpace(context);
  const hold = snapshotRemovals.hold(record.id);
  const place = await saves.workplace().catch((error: unknown) => {
    hold[Symbol.dispose]();
    throw error;
  });
  const end = async () => {
    await place[Symbol.asyncDispose]();
    hold[Symbol.dispose]();
    snapshotRemovals.collectInBackground();
  };
  try {
    const { facts, files } = await saves.pack(record.id, place.directory, signal);
    const parts: ArchiveManifest["parts"] = [];
    for (const name of files) parts.push(await describePart(place.directory, name, signal));
    const { chunks, sizeBytes } = writeArchive(
      { ...manifestOf(context, record, version), facts, parts },
      place.directory,
    );
    const content = Readable.from(chunks, { objectMode: false });
    const closed = once(content, "close").catch(() => undefined);
    closed.then(end).catch((error: unknown) => context.logger.error({ err: error }, "An archive's files are left"));
    return { content, sizeBytes };
  } catch (error) {
    await end();
    throw error;
  }
}

function requireExportable(snapshot: SnapshotRecord, here: string): void {
  requireReady(snapshot);
  const { id, engine, volumes } = snapshot;
  if (volumes.length > 0) {
    const names = volumes.map(({ name }) => name).join(", ");
    throw new AlcoveError(
      "SnapshotIncompatible",
      `The snapshot ${id} has volumes, which no archive carries: ${names}.`,
      {
        hint: "Take one of a sandbox without volumes.",
      },
    );
  }
  if (engine !== here)
    throw new AlcoveError("SnapshotIncompatible", `The snapshot ${id} was taken by the ${engine} engine.`);
}

function manifestOf(
  { store }: ControlContext,
  record: SnapshotRecord,
  version: string,
): Omit<ArchiveManifest, "facts" | "parts"> {
  const { id, name, labels, sandboxId, image, size, engine, createdAt } = record;
  const { egress, ...start } = record.start;
  return {
    format: "alcove-snapshot",
    formatVersion: 1,
    ...{ version, engine },
    createdAt: new Date().toISOString(),
    snapshot: {
      ...{ id, name, labels, sandboxId, image, size, takenAt: new Date(createdAt).toISOString() },
      start: JSON.parse(JSON.stringify(start)),
      // Where it goes there may be no policy of that name, and other secrets and routes.
      egress: { policy: portablePolicy(policyOf(store, record.group, egress)), names: store.egressNames.of(id) },
    },
  };
}

/** Nobody sees anything of it before all of it is there and is what its checksums say. */
export async function importSnapshot(
  context: ControlContext,
  order: Import,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<SnapshotRecord> {
  const { gate } = context;
  requireQuota(await gate.enter(order.group), { snapshots: 1 });
  const saves = requireSaves(context);
  await requireDiskSpace(context);
  await using place = await saves.workplace();
  const within = { path: place.directory, spareBytes: context.freeSpaceMarkBytes, what: "Taking the archive" };
  const arriving = whileRoom(withoutStall(content, stallMs, "archive"), within);
  const manifest = await readArchive(arriving, place.directory, (found) => accept(context, found, place.directory));
  signal.throwIfAborted();
  return await keep(context, order, { manifest, directory: place.directory }, signal);
}

const stallMs = 60_000;

/** Before anything but its manifest is taken. */
async function accept(context: ControlContext, manifest: ArchiveManifest, directory: string): Promise<void> {
  requirePortable(manifest);
  const { engine, parts, snapshot } = manifest;
  if (engine !== context.engine.name) {
    const detail = `The archive's snapshot was taken by the ${engine} engine; this daemon runs ${context.engine.name}.`;
    throw new AlcoveError("SnapshotIncompatible", detail, { hint: `Import it where the ${engine} engine runs.` });
  }
  const bytes = parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const { memoryMiB, diskMiB } = snapshot.size;
  const most = (memoryMiB + diskMiB) * bytesPerMiB * overheadRatio + overheadBytes;
  if (bytes > most) {
    const detail = `The archive has ${bytes} bytes, and memory and disk of its snapshot no more than ${Math.floor(most)}.`;
    throw new AlcoveError("InvalidRequest", detail, { field: "body" });
  }
  await requireRoom(directory, bytes + context.freeSpaceMarkBytes, "Taking the archive");
}

/** Whoever made the archive would have the group's secrets sent wherever it likes, and leave by its proxies. */
function requirePortable({ snapshot: { egress } }: ArchiveManifest): void {
  if (egress === undefined || !namesWhatGroupsHave(egress.policy)) return;
  throw new AlcoveError(
    "InvalidRequest",
    "The archive's egress policy names secrets, tokens or routes, which no archive may.",
    {
      field: "body",
      hint: "Export the snapshot anew; what names them is left out then.",
    },
  );
}

interface Taken {
  readonly manifest: ArchiveManifest;
  readonly directory: string;
}

async function keep(
  context: ControlContext,
  order: Import,
  { manifest, directory }: Taken,
  signal: AbortSignal,
): Promise<SnapshotRecord> {
  const { gate, snapshotRegister: register, snapshotRemovals } = context;
  requireQuota(gate.require(order.group), { snapshots: 1 });
  const record = newRecord(order, manifest);
  const hold = snapshotRemovals.hold(record.id);
  try {
    register.insert(record, []);
    const files = manifest.parts.map(({ name }) => name);
    const packed = { directory, files, facts: manifest.facts, size: record.size };
    const saved = await requireSaves(context).unpack(record.id, packed, signal);
    const finished = register.finish(record.id, saved, manifest.snapshot.egress?.names ?? []);
    if (finished === undefined)
      throw new AlcoveError("SnapshotNotFound", `The snapshot ${record.id} was deleted while it was imported.`);
    hold[Symbol.dispose]();
    return finished;
  } catch (error) {
    hold[Symbol.dispose]();
    snapshotRemovals.collectInBackground();
    throw error;
  }
}

/** It stands on no image of this host: its disk has all. */
function newRecord({ group, name, labels }: Import, { engine, snapshot }: ArchiveManifest): SnapshotRecord {
  const { sandboxId, image, size, start, egress } = snapshot;
  const { workingDirectory, entrypointExecId, askedProgram } = start;
  return {
    ...{ id: randomUUID(), group, name: name ?? snapshot.name, labels: labels ?? snapshot.labels },
    ...{ status: "Creating", isInternal: false, engine, sandboxId, parentId: undefined },
    ...{ mode: "Memory", isFrozen: true, pausedMs: 0, ownBytes: 0, sharedBytes: 0 },
    ...{ image, imageIsPublic: false, imageKey: "", size, volumes: [] },
    start: {
      ...{ ...start, workingDirectory, entrypointExecId },
      // It came out of JSON, which has no undefined.
      imageConfig: start.imageConfig as SnapshotRecord["start"]["imageConfig"],
      askedProgram: { entrypoint: askedProgram.entrypoint, cmd: askedProgram.cmd },
      egress: egress === undefined ? noEgress : { policy: egress.policy },
    },
    maker: undefined,
    createdAt: Date.now(),
  };
}
