/** The volumes of a group: a row, and a disk of the engine's. The disk is made before its row and goes after it, so that no row is without. */
import { randomUUID } from "node:crypto";
import { AlcoveError, type ForkVolume, type Labels, parseMiB, type Volume } from "@alcove/contract";
import type { Volumes } from "../../engines/engine.js";
import type { MountRecord, VolumeRecord } from "../../store/volumes.js";
import type { ControlContext } from "../context.js";
import { requireQuota } from "../groups/quotas.js";
import type { Reach } from "../sandboxes/reach.js";
import { requireDiskSpace } from "../system/disk-space.js";
import type { EngineReadiness } from "../system/engine-readiness.js";
import { attach } from "./attaching.js";
import { detach } from "./detaching.js";
import { requireVolumes } from "./engine-volumes.js";
import type { VolumeControl, VolumeRef } from "./volume-control.js";
import { requireVolume, volumeInUse } from "./volume-finding.js";

const bytesPerMiB = 1024 * 1024;

export function volumeControl(
  context: ControlContext,
  { reach, readiness }: { readonly reach: Reach; readonly readiness: EngineReadiness },
): VolumeControl {
  const { gate, store } = context;
  const view = (record: VolumeRecord) => toVolume(context, record);
  return {
    async create(group, body, signal) {
      await gate.enter(group);
      await readiness.require(signal);
      const record = newRecord(group, { ...body, type: body.type ?? "DataDisk", sizeMiB: parseMiB(body.size) });
      const bytes = record.sizeMiB * bytesPerMiB;
      return view(await create(context, record, (volumes) => volumes.create(record.id, bytes, signal)));
    },
    async list(group, labels = {}) {
      await gate.enter(group);
      return store.volumes
        .ofGroup(group)
        .filter((record) => hasAll(record.labels, labels))
        .map(view);
    },
    async get(ref) {
      await gate.enter(ref.group);
      const record = requireVolume(store, ref);
      return { ...view(record), usage: { usedBytes: await requireVolumes(context).usedBytes(record.id) } };
    },
    async fork(ref, body, signal) {
      await gate.enter(ref.group);
      await readiness.require(signal);
      return view(await fork(context, { ref, body }, signal));
    },
    delete: (ref) => remove(context, ref),
    async attach(ref, mount, signal) {
      await attach(context, reach, { ref, mount }, signal);
      return view(requireVolume(store, { ...ref, volumeName: mount.volumeName }));
    },
    detach: (ref, signal) => detach(context, reach, ref, signal),
  };
}

/** The engine refuses to copy what was given to a sandbox meanwhile: a copy is of one instant. */
async function fork(
  context: ControlContext,
  { ref, body }: { readonly ref: VolumeRef; readonly body: ForkVolume },
  signal: AbortSignal,
): Promise<VolumeRecord> {
  const source = requireVolume(context.store, ref);
  const name = body.destinationVolumeName;
  const record = newRecord(ref.group, { ...source, name, labels: body.labels });
  const mount = context.store.volumes.mountOf(source.id);
  if (mount !== undefined) throw volumeInUse(ref.volumeName, mount);
  return create(context, record, (volumes) => volumes.copy(source.id, record.id, signal));
}

function newRecord(
  group: string,
  {
    name,
    type,
    sizeMiB,
    labels = {},
  }: Pick<VolumeRecord, "name" | "type" | "sizeMiB"> & { readonly labels?: Labels | undefined },
): VolumeRecord {
  const own = { sourceId: undefined, ownerSandboxId: undefined, createdAt: Date.now() };
  return { id: randomUUID(), group, name, type, sizeMiB, labels, ...own };
}

async function create(
  context: ControlContext,
  record: VolumeRecord,
  make: (volumes: Volumes) => Promise<void>,
): Promise<VolumeRecord> {
  const { crashPoint, store } = context;
  requireFree(context, record);
  await requireDiskSpace(context);
  const volumes = requireVolumes(context);
  await make(volumes);
  crashPoint("volume.beforeInsert");
  try {
    store.transaction(() => {
      // Another may have been made meanwhile, and the group may be gone.
      requireFree(context, record);
      store.volumes.insert(record);
    });
  } catch (error) {
    await volumes.remove(record.id);
    throw error;
  }
  return record;
}

function requireFree({ gate, store }: ControlContext, { group, name, sizeMiB }: VolumeRecord): void {
  requireQuota(gate.require(group), { diskMiB: sizeMiB });
  if (store.volumes.find(group, name) === undefined) return;
  const detail = `The group ${group} has a volume ${name} already.`;
  throw new AlcoveError("VolumeExists", detail, { field: "name", value: name });
}

async function remove(context: ControlContext, ref: VolumeRef): Promise<void> {
  const { crashPoint, gate, store } = context;
  await gate.enter(ref.group);
  const { id } = requireVolume(store, ref);
  const volumes = requireVolumes(context);
  store.transaction(() => {
    const mount = store.volumes.mountOf(id);
    if (mount !== undefined) throw volumeInUse(ref.volumeName, mount);
    store.volumes.remove(id);
  });
  crashPoint("volume.afterRemove");
  await volumes.remove(id);
}

function toVolume({ store }: ControlContext, record: VolumeRecord): Volume {
  const { name, group, type, labels, sizeMiB, createdAt, ownerSandboxId } = record;
  const mount = store.volumes.mountOf(record.id);
  return {
    ...{ name, group, type, size: `${sizeMiB}Mi`, labels, createdAt: new Date(createdAt).toISOString() },
    ...(ownerSandboxId === undefined ? {} : { ownerSandboxId }),
    attachments: mount === undefined ? [] : [attachmentOf(mount)],
  };
}

function attachmentOf({ sandboxId, mountpoint, isReadOnly: readOnly, state }: MountRecord) {
  return { sandboxId, mountpoint, readOnly, state };
}

function hasAll(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}
