/** What can be done with sandboxes. */
import type {
  BatchResult,
  CreateSandbox,
  LabelChanges,
  Labels,
  Sandbox,
  SandboxState,
  StopMode,
  UpdateLifecycle,
} from "@alcove/contract";
import type { KeptReason } from "../../lifecycle/transitions.js";
import type { SandboxInsights } from "./insights.js";

/** Names one sandbox, as in a path. */
export interface SandboxRef {
  readonly group: string;
  readonly id: string;
}

export interface SandboxFilter {
  readonly labels?: Labels;
  readonly state?: SandboxState;
}

export interface ByMaker {
  /** Who creates it: what is copied of it later has its secrets only where the same one copies it. Left out: nobody is known. */
  readonly maker?: string;
  /** Default true. Others name those of the group's secrets alone that have hosts. */
  readonly ownsGroup?: boolean;
}

export interface SandboxControl extends SandboxInsights {
  /** Answers when it is Running; with `wait: false`, when it is on record that it shall be. */
  create(
    group: string,
    body: CreateSandbox,
    signal: AbortSignal,
    options?: { readonly wait?: boolean } & ByMaker,
  ): Promise<Sandbox>;
  /** Creates many of a kind, a few at a time. Throws what holds for all; what befalls single ones is in the result. */
  createBatch(
    group: string,
    count: number,
    body: CreateSandbox,
    signal: AbortSignal,
    options?: ByMaker,
  ): Promise<BatchResult>;
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
