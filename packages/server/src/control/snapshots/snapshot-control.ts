/** What can be done with snapshots, and with sandboxes by means of them. */
import type { Readable } from "node:stream";
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
import type { ByMaker, SandboxRef } from "../sandboxes/sandbox-control.js";

export interface SnapshotArchive {
  readonly content: Readable;
  readonly sizeBytes: number;
}

export interface Import {
  readonly group: string;
  /** Instead of what the archive says. */
  readonly name?: string | undefined;
  readonly labels?: Labels | undefined;
}

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
  /** One file; the snapshot stays until it has been read. */
  export(ref: SnapshotRef, signal: AbortSignal): Promise<SnapshotArchive>;
  /** A new snapshot of such a file. */
  import(order: Import, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Snapshot>;
  /** In place: what it is is given up. Answers when it runs. */
  rollback(ref: SandboxRef, body: RollbackSandbox, signal: AbortSignal): Promise<Sandbox>;
  /** Begins to make an image of its disk. */
  commit(ref: SandboxRef, body: CommitSandbox, signal: AbortSignal): Promise<Image>;
  /** Copies of a running sandbox, of one instant. What befalls single ones is in the result. */
  fork(ref: SandboxRef, body: ForkSandbox, signal: AbortSignal, options?: ByMaker): Promise<BatchResult>;
}
