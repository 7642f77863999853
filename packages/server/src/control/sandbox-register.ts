/** Every change of a sandbox on record: by the table of transitions, with its event and its usage, in one transaction. */
import type { LifecyclePolicy } from "@alcove/contract";
import type { Hold } from "../lifecycle/hold.js";
import { after, type Occurrence } from "../lifecycle/transitions.js";
import type { SandboxRecord } from "../store/sandboxes.js";
import type { Store } from "../store/store.js";
import type { Events } from "./events.js";
import { toSandbox } from "./sandbox-view.js";
import type { Secrets } from "./secrets.js";
import type { UsageAccounts } from "./usage-accounts.js";

/** Told within the transaction of the change; `before` is missing of a new one, `after` of one that is gone. */
export type SandboxFollower = (id: string, before: SandboxRecord | undefined, after: SandboxRecord | undefined) => void;

export class SandboxRegister {
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
  insert(record: SandboxRecord, secrets: Secrets): void {
    this.#commit(() => {
      this.#store.sandboxes.insert(record);
      this.#store.secrets.insert(record.id, secrets);
      this.#usage.opened(record);
      const at = Date.now();
      this.#store.journal.begin({ operation: "create", sandboxId: record.id, execId: null, step: "start", at });
      this.#events.append(record.group, { type: "sandbox.changed", sandbox: toSandbox(record) });
      this.#tell(record.id, undefined, record);
    });
  }

  /** Records what happened; answers the sandbox as it is now, or undefined when it may not happen in its state. */
  apply(id: string, occurrence: Occurrence): SandboxRecord | undefined {
    return this.#commit(() => this.#change(id, occurrence, {}));
  }

  /** As `apply`, for a machine that is gone since nobody knows when: it counts as used until it was last seen. */
  applyLoss(id: string, occurrence: Occurrence): SandboxRecord | undefined {
    return this.#commit(() => this.#change(id, occurrence, {}, this.#usage.lastSeen));
  }

  /** The creation is over, well or not. */
  finishCreation(id: string, occurrence: Occurrence): SandboxRecord | undefined {
    return this.#commit(() => {
      this.#store.journal.finishAll(id);
      return this.#change(id, occurrence, {});
    });
  }

  /** The creation begins anew, with the next generation. */
  restart(id: string): void {
    this.#commit(() => {
      const generation = (this.#store.sandboxes.find(id)?.generation ?? 0) + 1;
      this.#change(id, { action: "restart" }, { generation });
    });
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

  #change(
    id: string,
    occurrence: Occurrence,
    besides: Partial<Pick<SandboxRecord, "generation" | "desiredState">>,
    at?: number,
  ): SandboxRecord | undefined {
    const record = this.#store.sandboxes.find(id);
    const condition = record && after(record, occurrence);
    if (record === undefined || condition === undefined) return undefined;
    const changed = { ...record, ...condition, ...besides };
    const { state, stateDetails, desiredState, generation } = changed;
    this.#store.sandboxes.update(id, { state, stateDetails, desiredState, generation });
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
    return result;
  }
}
