/** Every change of a sandbox on record: by the table of transitions, with its event and its usage, in one transaction. */
import type { LifecyclePolicy, StopMode } from "@alcove/contract";
import { Change } from "../../lib/change.js";
import type { Hold } from "../../lifecycle/hold.js";
import { after, type KeptReason, type Occurrence } from "../../lifecycle/transitions.js";
import type { EgressChoice } from "../../store/egress-policies.js";
import type { JournalEntry } from "../../store/journal.js";
import type { SandboxRecord, Suspension } from "../../store/sandboxes.js";
import type { SecretUse } from "../../store/secret-uses.js";
import type { SnapshotRecord } from "../../store/snapshots.js";
import type { Store } from "../../store/store.js";
import type { Secrets } from "../execs/secrets.js";
import type { UsageAccounts } from "../groups/usage-accounts.js";
import type { Events } from "../system/events.js";
import { toSandbox } from "./sandbox-view.js";

/** Told within the transaction of the change; `before` is missing of a new one, `after` of one that is gone. */
export type SandboxFollower = (id: string, before: SandboxRecord | undefined, after: SandboxRecord | undefined) => void;

export class SandboxRegister {
  /** Announced after every change of any sandbox. */
  readonly changed = new Change();
  readonly #store: Store;
  readonly #events: Events;
  readonly #usage: UsageAccounts;
  readonly #followers: SandboxFollower[] = [];

  constructor(store: Store, events: Events, usage: UsageAccounts) {
    this.#store = store;
    this.#events = events;
    this.#usage = usage;
  }

  follow(follower: SandboxFollower): void {
    this.#followers.push(follower);
  }

  /** Records a new sandbox and, before any effect, that its creation is under way. */
  insert(record: SandboxRecord, secrets: Secrets, uses: readonly SecretUse[] = []): void {
    this.#commit(() => {
      this.#store.sandboxes.insert(record);
      this.#store.secrets.insert(record.id, secrets);
      this.#store.secretUses.put(record.id, record.group, uses);
      if (record.snapshotId !== undefined) this.#store.egressNames.copy(record.snapshotId, record.id);
      this.#usage.opened(record);
      const at = Date.now();
      this.#store.journal.begin({ operation: "create", sandboxId: record.id, execId: null, step: "start", at });
      this.#events.append(record.group, { type: "sandbox.changed", sandbox: toSandbox(record) });
      this.#tell(record.id, undefined, record);
    });
  }

  /** Records what happened; answers the sandbox as it is now, or undefined when it may not happen in its state. */
  apply(id: string, occurrence: Occurrence): SandboxRecord | undefined {
    return this.#commit(() => this.#change(id, occurrence, losing(occurrence)));
  }

  /** As `apply`, for a machine that is gone since nobody knows when: it counts as used until it was last seen. */
  applyLoss(id: string, occurrence: Occurrence): SandboxRecord | undefined {
    return this.#finish(id, () => this.#change(id, occurrence, losing(occurrence), this.#usage.lastSeen));
  }

  /** The creation is over, well or not. */
  finishCreation(id: string, occurrence: Occurrence): SandboxRecord | undefined {
    return this.#finish(id, () => this.#change(id, occurrence, {}));
  }

  /** The creation begins anew, with the next generation. */
  restart(id: string): void {
    this.#commit(() => {
      const generation = (this.#store.sandboxes.find(id)?.generation ?? 0) + 1;
      this.#change(id, { action: "restart" }, { generation });
    });
  }

  /** Records, before any effect, that it is being stopped. */
  beginStop(id: string, { mode, reason }: { readonly mode: StopMode; readonly reason: KeptReason }): void {
    this.#begin(id, { operation: "stop", step: "suspend" }, () =>
      this.#change(id, { action: "stop", reason }, { desiredState: "Stopped", suspension: { mode } }),
    );
  }

  /** It is stopped, and so much of it is kept. */
  finishStop(id: string, suspension: Suspension, message?: string): SandboxRecord | undefined {
    const occurrence = { action: "stopped", at: new Date().toISOString(), ...(message && { message }) } as const;
    return this.#finish(id, () => this.#change(id, occurrence, { suspension }));
  }

  /** It runs on. */
  failStop(id: string, message: string): SandboxRecord | undefined {
    const besides = { desiredState: "Running", suspension: undefined } as const;
    return this.#finish(id, () => this.#change(id, { action: "stopFailed", message }, besides));
  }

  /** Records, before any effect, that it is being resumed, as the next generation. */
  beginResume({ id, generation, suspension }: SandboxRecord, from: StopMode): void {
    if (suspension === undefined) return;
    const besides = {
      desiredState: "Running",
      generation: generation + 1,
      suspension: { ...suspension, from },
    } as const;
    this.#begin(id, { operation: "resume", step: "start" }, () => this.#change(id, { action: "resume" }, besides));
  }

  /** Records, before any effect, that it goes back to the snapshot, as the next generation: what it was is given up. */
  beginRollback(record: SandboxRecord, { id: rollback, start }: SnapshotRecord, from: StopMode): void {
    const { id, generation } = record;
    // A program goes on in a memory under the id that it has there.
    const { entrypointExecId } = from === "Memory" ? start : record;
    const suspension = { mode: from, from, rollback };
    const besides = { desiredState: "Running", generation: generation + 1, suspension } as const;
    this.#begin(id, { operation: "rollback", step: "destroy" }, () => {
      this.#store.sandboxes.setOrigin(id, { snapshotId: rollback, entrypointExecId });
      this.#store.egressNames.copy(rollback, id);
      this.#change(id, { action: "rollback", at: new Date().toISOString() }, besides);
    });
  }

  finishResume(id: string, message?: string): SandboxRecord | undefined {
    const occurrence = { action: "started", ...(message && { message }) } as const;
    return this.#finish(id, () => this.#change(id, occurrence, { suspension: undefined }));
  }

  /** It stays stopped, with all that is kept. */
  failResume({ id, suspension }: SandboxRecord, message: string): SandboxRecord | undefined {
    const { from: _, ...kept } = suspension ?? { mode: "Disk" };
    const besides = { desiredState: "Stopped", suspension: kept } as const;
    return this.#finish(id, () => this.#change(id, { action: "resumeFailed", message }, besides));
  }

  /** It shall be deleted: from here on nothing else can become of it. */
  markDeleted(id: string): void {
    this.#commit(() => {
      this.#store.journal.finishAll(id);
      const at = Date.now();
      this.#store.journal.begin({ operation: "delete", sandboxId: id, execId: null, step: "destroy", at });
      this.#change(id, { action: "delete" }, { desiredState: "Deleted" });
    });
  }

  /** Says of its state what people should know; the state stays. */
  explain(id: string, message: string): void {
    this.#commit(() => {
      const record = this.#store.sandboxes.find(id);
      if (record === undefined) return;
      const changed = { ...record, stateDetails: { ...record.stateDetails, message } };
      this.#store.sandboxes.update(id, changed);
      this.#events.append(record.group, { type: "sandbox.changed", sandbox: toSandbox(changed) });
    });
  }

  /** Replaces its labels; they say nothing of its state. */
  setLabels(record: SandboxRecord, labels: SandboxRecord["labels"], hold: Hold | undefined): SandboxRecord {
    return this.#commit(() => {
      const changed = { ...record, labels };
      this.#store.sandboxes.setLabels(record.id, labels);
      this.#usage.changed(record, changed);
      this.#events.append(record.group, { type: "sandbox.changed", sandbox: toSandbox(changed, hold) });
      return changed;
    });
  }

  /** Replaces its policy. */
  setLifecycle(record: SandboxRecord, lifecycle: LifecyclePolicy, hold: Hold | undefined): SandboxRecord {
    return this.#commit(() => {
      const changed = { ...record, lifecycle };
      this.#store.sandboxes.setLifecycle(record.id, lifecycle);
      this.#tell(record.id, record, changed);
      this.#events.append(record.group, { type: "sandbox.changed", sandbox: toSandbox(changed, hold) });
      return changed;
    });
  }

  /** Replaces what it may reach. */
  setEgress(record: SandboxRecord, egress: EgressChoice, hold: Hold | undefined): SandboxRecord {
    return this.#commit(() => {
      const changed = { ...record, egress };
      this.#store.sandboxes.setEgress(record.id, egress);
      this.#events.append(record.group, { type: "egress.changed", sandboxId: record.id });
      this.#events.append(record.group, { type: "sandbox.changed", sandbox: toSandbox(changed, hold) });
      return changed;
    });
  }

  /** Tells followers that the host holds its machine, or lets it go on. */
  announceHold(id: string, hold: Hold | undefined): void {
    this.#commit(() => {
      const record = this.#store.sandboxes.find(id);
      if (record) this.#events.append(record.group, { type: "sandbox.changed", sandbox: toSandbox(record, hold) });
    });
  }

  /** Nothing of it is left. */
  remove(id: string): void {
    this.#commit(() => {
      const record = this.#store.sandboxes.find(id);
      this.#store.journal.finishAll(id);
      this.#store.sandboxes.remove(id);
      this.#usage.removed(id);
      if (record) this.#events.append(record.group, { type: "sandbox.deleted", sandboxId: id });
      this.#tell(id, record, undefined);
    });
  }

  #begin(id: string, entry: Pick<JournalEntry, "operation" | "step">, change: () => unknown): void {
    this.#commit(() => {
      this.#store.journal.begin({ ...entry, sandboxId: id, execId: null, at: Date.now() });
      change();
    });
  }

  #finish<T>(id: string, change: () => T): T {
    return this.#commit(() => {
      this.#store.journal.finishAll(id);
      return change();
    });
  }

  #change(
    id: string,
    occurrence: Occurrence,
    besides: Partial<Pick<SandboxRecord, "generation" | "desiredState" | "suspension">>,
    at?: number,
  ): SandboxRecord | undefined {
    const record = this.#store.sandboxes.find(id);
    const condition = record && after(record, occurrence);
    if (record === undefined || condition === undefined) return undefined;
    const changed = { ...record, ...condition, ...besides };
    const { state, stateDetails, desiredState, generation, suspension } = changed;
    this.#store.sandboxes.update(id, { state, stateDetails, desiredState, generation, suspension });
    this.#usage.changed(record, changed, at);
    this.#events.append(record.group, { type: "sandbox.changed", sandbox: toSandbox(changed) });
    this.#tell(id, record, changed);
    return changed;
  }

  #tell(id: string, before: SandboxRecord | undefined, after: SandboxRecord | undefined): void {
    for (const follower of this.#followers) follower(id, before, after);
  }

  #commit<T>(work: () => T): T {
    const result = this.#store.transaction(work);
    this.#events.announce();
    this.changed.announce();
    return result;
  }
}

/** Nothing is kept of a machine that ended. */
function losing({ action }: Occurrence): { readonly suspension?: undefined } {
  return action === "ended" ? { suspension: undefined } : {};
}
