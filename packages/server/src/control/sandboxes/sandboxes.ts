import { randomUUID } from "node:crypto";
import {
  type AddPort,
  AlcoveError,
  type CreateSandbox,
  type Image,
  roundUp,
  type Sandbox,
  sizeOf,
  type VolumeMount,
} from "@alcove/contract";
import { untilAborted } from "../../lib/until-aborted.js";
import { changedPolicy, completePolicy } from "../../lifecycle/policy.js";
import type { GroupRecord } from "../../store/groups.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { SecretUse } from "../../store/secret-uses.js";
import { type ControlContext, demandOf } from "../context.js";
import { egressView } from "../egress/egress.js";
import { askedEgress, defaultEgress, requirePolicy } from "../egress/egress-choice.js";
import { requireEntrypointSecrets, type Secrets } from "../execs/secrets.js";
import { requireQuota } from "../groups/quotas.js";
import type { PolicyKeeper } from "../policies/policy-keeper.js";
import { openPorts, portsView } from "../ports/ports.js";
import { putPorts } from "../ports/ports-in-force.js";
import type { Reconciler } from "../reconciler.js";
import {
  askedUses,
  inheritedUses,
  isSameMaker,
  mergedUses,
  requireDeliverable,
  requireUses,
  secretsView,
} from "../secrets/sandbox-secrets.js";
import { requireBoundSecrets } from "../secrets/unbound-secrets.js";
import { shareSnapshot } from "../snapshots/snapshot-sharing.js";
import { type FromSnapshot, fromSnapshot, requireOrigin } from "../snapshots/snapshot-source.js";
import { requireDiskSpace } from "../system/disk-space.js";
import type { EngineReadiness } from "../system/engine-readiness.js";
import { requireVolumes } from "../volumes/engine-volumes.js";
import { claimMounts, mountsOf, requireUnclaimed } from "../volumes/mount-claims.js";
import { copiesFor, recordCopies, sizeOfVolumes } from "../volumes/snapshot-volumes.js";
import { forgetOldFailures } from "./failures.js";
import { sandboxInsights } from "./insights.js";
import { keptNow, withKept } from "./kept-size.js";
import { mergedLabels } from "./labels.js";
import { sandboxNotFound } from "./machines.js";
import type { Reach } from "./reach.js";
import { createBatch } from "./sandbox-batch.js";
import type { ByMaker, SandboxControl, SandboxRef } from "./sandbox-control.js";
import { toSandbox } from "./sandbox-view.js";
import type { StopAndResume } from "./stop-and-resume.js";

const defaultPageSize = 100;

export interface Helpers {
  readonly reconciler: Reconciler;
  readonly readiness: EngineReadiness;
  readonly policies: PolicyKeeper;
  readonly stopAndResume: StopAndResume;
  readonly reach: Reach;
}

export function sandboxControl(context: ControlContext, helpers: Helpers): SandboxControl {
  const { gate, machines, store } = context;
  const view = (record: SandboxRecord) => toSandbox(record, machines.holdOf(record.id));
  return {
    create: (group, body, signal, options) =>
      createSandbox(context, helpers, { group, plan: planOf(context, body, options), signal, ...options }),
    async createBatch(group, count, body, signal, by = {}) {
      const plan = planOf(context, body, by);
      await requireImage(context, plan(await gate.enter(group)).record);
      const create = () => createBatch(context, count, () => createSandbox(context, helpers, { group, plan, signal }));
      const snapshot = body.sourcesRef?.snapshot;
      if (snapshot === undefined || snapshot.from === "Disk" || count === 1) return create();
      return withShared(context, snapshot.id, create, signal);
    },
    async list(group, { page = 1, pageSize = defaultPageSize, ...filter }) {
      await gate.enter(group);
      if (filter.before !== undefined) requireCursor(context, { group, id: filter.before });
      return store.sandboxes.list({ group, ...filter }, { limit: pageSize, offset: (page - 1) * pageSize }).map(view);
    },
    async count(group, filter) {
      await gate.enter(group);
      return store.sandboxes.count({ group, ...filter });
    },
    async get(ref) {
      await gate.enter(ref.group);
      const activity = await helpers.policies.describe(find(context, ref));
      const kept = await keptNow(context, find(context, ref));
      const record = find(context, ref);
      const volumes = mountsOf(store, ref.id);
      return {
        ...view(withKept(record, kept)),
        ...egressView(context, record),
        ...secretsView(context, record),
        ...portsView(context, ref.id),
        ...{ activity, volumes },
      };
    },
    async changeLabels(ref, changes) {
      await gate.enter(ref.group);
      const record = find(context, ref);
      return view(context.register.setLabels(record, mergedLabels(record, changes), machines.holdOf(ref.id)));
    },
    async setLifecycle(ref, update) {
      await gate.enter(ref.group);
      const record = find(context, ref);
      return view(
        context.register.setLifecycle(record, changedPolicy(record.lifecycle, update), machines.holdOf(ref.id)),
      );
    },
    stop: (ref, options, signal) => helpers.stopAndResume.stop(ref, options, signal),
    resume: (ref, options, signal) => helpers.stopAndResume.resume(ref, options, signal),
    enable: (ref) => helpers.stopAndResume.enable(ref),
    disable: (ref, signal) => helpers.stopAndResume.disable(ref, signal),
    delete: (ref, signal, options) => remove(context, helpers, { ref, signal, ...options }),
    ...sandboxInsights(context),
    console: async (ref) => (await helpers.reach.asItIs(ref)).machine.console(),
  };
}

/** A deletion of the snapshot meanwhile takes effect when those that are starting from it have started. */
async function withShared<T>(
  context: ControlContext,
  snapshotId: string,
  create: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const hold = context.snapshotRemovals.hold(snapshotId);
  try {
    await shareSnapshot(context, snapshotId, signal);
    return await create();
  } finally {
    hold[Symbol.dispose]();
    context.snapshotRemovals.collectInBackground();
  }
}

/** What is to be created. */
export interface Plan {
  readonly record: SandboxRecord;
  readonly secrets: Secrets;
  /** Which of the group's secrets it has. */
  readonly uses: readonly SecretUse[];
  readonly mounts: readonly VolumeMount[];
  /** Which of its ports others may come to. */
  readonly ports?: readonly AddPort[] | undefined;
}

interface Creation {
  readonly group: string;
  readonly plan: (group: GroupRecord) => Plan;
  readonly signal: AbortSignal;
  readonly wait?: boolean;
}

/** A caller who goes away, or does not wait, ends only its own waiting. */
export async function createSandbox(
  context: ControlContext,
  { reconciler, readiness }: Helpers,
  { group, plan, signal, wait = true }: Creation,
): Promise<Sandbox> {
  const { crashPoint, gate, register } = context;
  const { record, secrets, uses, mounts, ports = [] } = plan(await gate.enter(group));
  requireUnclaimed(context.store, group, mounts);
  requireEntrypointSecrets(record.entrypointSecrets, secrets);
  requirePolicy(context.store, record);
  requireUses(context.store, group, uses);
  await requireImage(context, record);
  await readiness.require(signal);
  requireRoom(context, record);
  const reserved = context.pools.reserve(record, uses);
  let added: readonly number[];
  try {
    await requireDiskSpace(context);
    // Nothing is awaited from here to the insert, so that those who come at once count each other.
    requireRoom(context, record);
    requireOrigin(context, record);
    requirePolicy(context.store, record);
    requireUses(context.store, group, uses);
    crashPoint("create.beforeInsert");
    // Numbers and times of creation have the same order.
    const id = reserved ?? record.id;
    added = context.store.transaction(() => {
      recordCopies(context.store, { group, id }, copiesFor(context.store, record));
      if (mounts.length > 0)
        claimMounts(context.store, requireVolumes(context), { ref: { group, id }, mounts, state: "Attached" });
      register.insert({ ...record, id, createdAt: Date.now() }, secrets, uses);
      return ports.length > 0 ? putPorts(context, { group, id }, { ports }) : [];
    });
  } catch (error) {
    if (reserved !== undefined) await context.pools.discard(reserved);
    throw error;
  }
  const id = reserved ?? record.id;
  crashPoint("create.afterInsert");
  if (ports.length > 0) await openPorts(context, { group, id }, added);
  const running = reconciler.close(id).catch((error: unknown) => {
    forgetOldFailures(context, group);
    throw error;
  });
  if (wait) await untilAborted(running, signal);
  else leaveAlone(context, id, running);
  return { ...toSandbox(find(context, { group, id })), ...portsView(context, id) };
}

/** Whether the host can ever run it, and the group may have it now. */
function requireRoom({ admission, engine, gate, store }: ControlContext, record: SandboxRecord): void {
  const { group, size } = record;
  const creating = store.sandboxes.count({ group, state: "Creating" });
  admission.check(demandOf({ engine }, size), creating);
  const diskMiB = size.diskMiB + sizeOfVolumes(copiesFor(store, record));
  requireQuota(gate.require(group), { ...size, diskMiB, sandboxes: 1 });
}

/** Nobody waits for it; its end is in the record. */
function leaveAlone({ logger }: ControlContext, id: string, work: Promise<void>): void {
  work.catch((error: unknown) => logger.debug({ sandbox: id, err: error }, "What nobody waited for failed"));
}

interface Removal {
  readonly ref: SandboxRef;
  readonly signal: AbortSignal;
  readonly wait?: boolean;
}

async function remove(context: ControlContext, helpers: Helpers, { ref, signal, wait = true }: Removal) {
  const { gate, register, store, crashPoint } = context;
  await gate.enter(ref.group);
  const record = store.sandboxes.find(ref.id);
  if (record === undefined || record.group !== ref.group) return;
  if (record.desiredState !== "Deleted") {
    crashPoint("delete.beforeMark");
    register.markDeleted(ref.id);
    crashPoint("delete.afterMark");
  }
  const removing = helpers.readiness.require(signal).then(() => helpers.reconciler.close(ref.id));
  if (wait) await untilAborted(removing, signal);
  else leaveAlone(context, ref.id, removing);
}

function requireCursor(context: ControlContext, ref: SandboxRef): void {
  const record = context.store.sandboxes.find(ref.id);
  if (record?.group === ref.group) return;
  const where = { field: "before", value: ref.id, hint: "List from the beginning, and leave out what you have seen." };
  throw new AlcoveError("SandboxNotFound", `There is no sandbox ${ref.id} to list those before it.`, where);
}

function find({ store }: ControlContext, ref: SandboxRef): SandboxRecord {
  const record = store.sandboxes.find(ref.id);
  if (record === undefined || record.group !== ref.group) throw sandboxNotFound(ref.id);
  return record;
}

function planOf(
  context: ControlContext,
  body: CreateSandbox,
  { maker, ownsGroup = true }: ByMaker = {},
): (group: GroupRecord) => Plan {
  const source = body.sourcesRef?.snapshot;
  return (group) => {
    const parts =
      source === undefined
        ? fromImage(context, group, body)
        : fromSnapshot(context, { group: group.name, source, body });
    const asked = askedUses({ ...body, environment: parts.environment });
    if (!ownsGroup) requireBoundSecrets(context.store, group.name, body);
    requireDeliverable(context.store, group.name, asked);
    const uses = mergedUses(usesOfSource(context, parts, maker), asked);
    const { secretEnvironment: secrets = {}, volumes: mounts = [] } = body;
    return { record: newRecord(parts, body, maker), secrets, uses, mounts, ports: body.ports };
  };
}

/** Of its snapshot, where that is of a sandbox that the same one made. */
function usesOfSource({ store }: ControlContext, { snapshotId }: FromSnapshot, maker: string | undefined) {
  const snapshot = snapshotId === undefined ? undefined : store.snapshots.find(snapshotId);
  if (snapshot === undefined || !isSameMaker(snapshot.maker, maker)) return [];
  return inheritedUses(store.secretUses.of(snapshot.id));
}

/** What each sandbox is asked for, whatever it comes from. */
type Asked = Pick<CreateSandbox, "labels" | "activationMode">;

export function newRecord(
  parts: FromSnapshot,
  { labels = {}, activationMode = "OnDemand" }: Asked,
  maker: string | undefined,
): SandboxRecord {
  return {
    ...{ id: randomUUID(), state: "Creating", desiredState: "Running", stateDetails: {} },
    ...parts,
    ...{ labels, maker, activationMode, suspension: undefined, generation: 1, createdAt: Date.now() },
  };
}

function fromImage({ engine }: ControlContext, group: GroupRecord, body: CreateSandbox): FromSnapshot {
  const { entrypoint, cmd } = body;
  const { resources = {} } = group.defaults;
  return {
    group: group.name,
    engine: engine.name,
    ...imageOf(group, body),
    ...{ imageKey: "", imageConfig: {} },
    size: roundUp({ ...sizeOf(resources), ...sizeOf(body.resources ?? {}) }),
    environment: body.environment ?? {},
    entrypoint: entrypoint ?? [],
    cmd: cmd ?? [],
    askedProgram: { entrypoint, cmd },
    entrypointSecrets: body.entrypointSecrets ?? [],
    workingDirectory: body.workingDirectory,
    entrypointExecId: undefined,
    lifecycle: completePolicy(body.lifecycle, group.defaults.lifecycle),
    egress: askedEgress(body) ?? defaultEgress(group),
    ...{ snapshotId: undefined, snapshotFrom: undefined, forkedFrom: undefined, entropy: undefined },
  };
}

function imageOf({ name, defaults }: GroupRecord, { sourcesRef }: CreateSandbox) {
  const image = sourcesRef?.diskImage ?? defaults.diskImage;
  if (image !== undefined) return { image: image.name, imageIsPublic: image.isPublic ?? false };
  throw new AlcoveError("InvalidRequest", `sourcesRef is required: the group ${name} has no default image.`, {
    field: "sourcesRef",
    hint: `Name an image, or give the group one: \`alcove group update ${name} --image debian\`.`,
  });
}

/** A name that is nowhere is refused before anything is recorded, and so is an image that cannot be used. */
async function requireImage({ imageUse }: ControlContext, record: SandboxRecord): Promise<void> {
  if (record.snapshotId !== undefined) return;
  const { group, image: name, imageIsPublic: isPublic } = record;
  try {
    const image = await imageUse.read({ group, name, isPublic });
    requireDisk(record, image.config);
    if (image.isPublic || image.state !== "Failed") return;
    const hint = image.hint === undefined ? {} : { hint: image.hint };
    throw new AlcoveError("ImageNotReady", `The image ${name} could not be built: ${image.message}`, hint);
  } catch (error) {
    if (!(error instanceof AlcoveError) || error.code !== "ImageNotFound") throw error;
    const where = { field: "sourcesRef.diskImage.name", value: name, hint: error.hint, cause: error };
    throw new AlcoveError("ImageNotFound", error.message, where);
  }
}

/** What was a sandbox's disk does not fit a smaller one. */
function requireDisk({ image, size }: SandboxRecord, { minimumDiskMiB = 0 }: Image["config"]): void {
  if (size.diskMiB >= minimumDiskMiB) return;
  const sentence = `The image ${image} needs a disk of ${minimumDiskMiB}Mi; ${size.diskMiB}Mi were asked for.`;
  throw new AlcoveError("InvalidRequest", sentence, { field: "resources.disk", value: `${size.diskMiB}Mi` });
}
