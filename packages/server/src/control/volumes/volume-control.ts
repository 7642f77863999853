/** What can be done about a group's volumes. */
import type { CreateVolume, ForkVolume, Labels, Volume, VolumeMount } from "@alcove/contract";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";

export interface VolumeControl {
  create(group: string, body: CreateVolume, signal: AbortSignal): Promise<Volume>;
  /** By name; those that have all of these labels. */
  list(group: string, labels: Labels | undefined): Promise<readonly Volume[]>;
  get(ref: VolumeRef): Promise<Volume>;
  fork(ref: VolumeRef, body: ForkVolume, signal: AbortSignal): Promise<Volume>;
  delete(ref: VolumeRef): Promise<void>;
  /** Answers when it is mounted. */
  attach(ref: SandboxRef, mount: VolumeMount, signal: AbortSignal): Promise<Volume>;
  detach(ref: SandboxRef & { readonly volumeName: string }, signal: AbortSignal): Promise<void>;
}

/** Names one, as in a path. */
export interface VolumeRef {
  readonly group: string;
  readonly volumeName: string;
}
