/** What can be done with sandboxes. */
import type {
  BatchResult,
  CreateSandbox,
  LabelChanges,
  Labels,
  Sandbox,
  SandboxProcess,
  SandboxState,
  SandboxStats,
  StopMode,
  UpdateLifecycle,
} from "@alcove/contract";
import type { KeptReason } from "../../lifecycle/transitions.js";

/** Names one sandbox, as in a path. */
export interface SandboxRef {
  readonly group: string;
  readonly id: string;
}

export interface SandboxFilter {
  readonly labels?: Labels;
  readonly state?: SandboxState;
}

export interface SandboxControl {
  /** Answers when it is Running; with `wait: false`, when it is on record that it shall be. */
  create(
    group: string,
    body: CreateSandbox,
    signal: AbortSignal,
    options?: { readonly wait?: boolean },
  ): Promise<Sandbox>;
  /** Creates many of a kind, a few at a time. Throws what holds for all; what befalls single ones is in the result. */
  createBatch(group: string, count: number, body: CreateSandbox, signal: AbortSignal): Promise<BatchResult>;
  list(
    group: string,
    filter: SandboxFilter & { readonly before?: string; readonly page?: number; readonly pageSize?: number },
  ): Promise<readonly Sandbox[]>;
  count(group: string, filter: SandboxFilter): Promise<number>;
  get(ref: SandboxRef): Promise<Sandbox>;
  /** Merges the changes into its labels. */
  changeLabels(ref: SandboxRef, changes: LabelChanges): Promise<Sandbox>;
  /** Replaces the parts of its policy that the update names. */
  setLifecycle(ref: SandboxRef, update: UpdateLifecycle): Promise<Sandbox>;
  /** Answers when it is Stopped; with `wait: false`, while it is Stopping. */
  stop(ref: SandboxRef, options: StopOptions, signal: AbortSignal): Promise<Sandbox>;
  resume(ref: SandboxRef, options: ResumeOptions, signal: AbortSignal): Promise<Sandbox>;
  enable(ref: SandboxRef): Promise<Sandbox>;
  disable(ref: SandboxRef, signal: AbortSignal): Promise<Sandbox>;
  delete(ref: SandboxRef, signal: AbortSignal, options?: { readonly wait?: boolean }): Promise<void>;
  stats(ref: SandboxRef, signal: AbortSignal): Promise<SandboxStats>;
  processes(ref: SandboxRef, signal: AbortSignal): Promise<readonly SandboxProcess[]>;
  console(ref: SandboxRef): Promise<Uint8Array>;
}

export interface StopOptions {
  /** Default Memory. */
  readonly mode?: StopMode | undefined;
  /** Default UserStopped. */
  readonly reason?: KeptReason;
  readonly wait?: boolean;
}

export interface ResumeOptions {
  /** Default: what it was stopped with. */
  readonly from?: StopMode | undefined;
}
