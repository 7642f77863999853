/** What can be done with snapshots, and with sandboxes by means of them. */
import type {
  BatchResult,
  CommitSandbox,
  ForkSandbox,
  Image,
  LabelChanges,
  Labels,
  RollbackSandbox,
  Sandbox,
  Snapshot,
  TakeSnapshot,
} from "@alcove/contract";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";

export interface SnapshotRef {
  readonly group: string;
  readonly snapshotId: string;
}

export interface SnapshotFilter {
  readonly labels?: Labels;
  readonly sandboxId?: string;
}

export interface SnapshotControl {
  /** Of a running sandbox, with its memory; it goes on at once. */
  take(ref: SandboxRef, body: TakeSnapshot, signal: AbortSignal): Promise<Snapshot>;
  list(
    group: string,
    filter: SnapshotFilter & { readonly before?: string; readonly page?: number; readonly pageSize?: number },
  ): Promise<readonly Snapshot[]>;
  count(group: string, filter: SnapshotFilter): Promise<number>;
  get(ref: SnapshotRef): Promise<Snapshot>;
  /** Merges the changes into its labels. */
  changeLabels(ref: SnapshotRef, changes: LabelChanges): Promise<Snapshot>;
  delete(ref: SnapshotRef): Promise<void>;
  /** In place: what it is is given up. Answers when it runs. */
  rollback(ref: SandboxRef, body: RollbackSandbox, signal: AbortSignal): Promise<Sandbox>;
  /** Begins to make an image of its disk. */
  commit(ref: SandboxRef, body: CommitSandbox, signal: AbortSignal): Promise<Image>;
  /** Copies of a running sandbox, of one instant. What befalls single ones is in the result. */
  fork(ref: SandboxRef, body: ForkSandbox, signal: AbortSignal): Promise<BatchResult>;
}
