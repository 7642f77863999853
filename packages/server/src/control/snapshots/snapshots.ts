/** Snapshots of sandboxes: taken, listed, labelled and deleted. */
import { inSpan } from "../../lib/tracing.js";
import type { SnapshotRecord } from "../../store/snapshots.js";
import type { ControlContext } from "../context.js";
import { commitSandbox } from "../images/commits.js";
import { mergedLabels } from "../sandboxes/labels.js";
import { ofSandbox } from "../sandboxes/sandbox-span.js";
import type { Helpers } from "../sandboxes/sandboxes.js";
import { forkSandbox } from "./forks.js";
import { rollBack } from "./rollbacks.js";
import { exportSnapshot, importSnapshot } from "./snapshot-archives.js";
import type { SnapshotControl, SnapshotRef } from "./snapshot-control.js";
import { requireSnapshot } from "./snapshot-finding.js";
import { takeSnapshot } from "./snapshot-taking.js";

const defaultPageSize = 100;

export function snapshotControl(context: ControlContext, helpers: Helpers, version: string): SnapshotControl {
  const { gate, snapshotRegister: register, store } = context;
  const view = (record: SnapshotRecord) => register.view(record);
  return {
    async take(ref, { name, labels }, signal) {
      const { record, hold } = await takeSnapshot(context, { ref, name, labels }, signal);
      hold[Symbol.dispose]();
      return view(record);
    },
    async list(group, { page = 1, pageSize = defaultPageSize, ...filter }) {
      await gate.enter(group);
      if (filter.before !== undefined) requireSnapshot(context, { group, snapshotId: filter.before }, "before");
      return store.snapshots.list({ group, ...filter }, { limit: pageSize, offset: (page - 1) * pageSize }).map(view);
    },
    async count(group, filter) {
      await gate.enter(group);
      return store.snapshots.count({ group, ...filter });
    },
    async get(ref) {
      await gate.enter(ref.group);
      return view(await withSizes(context, requireSnapshot(context, ref)));
    },
    async changeLabels(ref, changes) {
      await gate.enter(ref.group);
      const record = requireSnapshot(context, ref);
      return view(register.setLabels(record, mergedLabels({ ...record, what: "snapshot" }, changes)));
    },
    export: (ref, signal) => exportSnapshot(context, { ref, version }, signal),
    import: async (order, content, signal) => view(await importSnapshot(context, order, content, signal)),
    async delete(ref) {
      await gate.enter(ref.group);
      await remove(context, ref);
    },
    rollback: (ref, body, signal) =>
      inSpan("sandbox.rollback", ofSandbox(ref), () => rollBack(context, helpers, { ref, body }, signal)),
    commit: (ref, body, signal) =>
      inSpan("sandbox.commit", ofSandbox(ref), () => commitSandbox(context, { ref, body }, signal)),
    fork: (ref, body, signal, { maker } = {}) =>
      inSpan("sandbox.fork", ofSandbox(ref), () => forkSandbox(context, helpers, { ref, body, maker }, signal)),
  };
}

/** What it takes changes: others that shared with it go, and what it has is compressed. */
async function withSizes({ engine, logger }: ControlContext, record: SnapshotRecord): Promise<SnapshotRecord> {
  if (record.status !== "Ready" || record.engine !== engine.name) return record;
  const kept = { kind: "snapshot", snapshotId: record.id } as const;
  const size = await engine.saves?.sizeOf(kept).catch((error: unknown) => {
    logger.warn({ snapshot: record.id, err: error }, "What a snapshot takes could not be read");
  });
  return { ...record, ...size };
}

/** Where a sandbox is starting from it, it goes when that has started. */
async function remove(context: ControlContext, { group, snapshotId }: SnapshotRef): Promise<void> {
  const { crashPoint, snapshotRegister, snapshotRemovals, store } = context;
  const record = store.snapshots.find(snapshotId);
  if (record === undefined || record.group !== group || record.isInternal) return;
  snapshotRegister.markDeleted(record);
  crashPoint("snapshotDelete.afterMark");
  await snapshotRemovals.collect();
}
