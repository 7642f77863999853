/** Volumes of a group: disks that outlive sandboxes. */
import { createVolume, deleteVolume, forkVolume, getVolume, listVolumes, type Volume } from "@alcove/contract";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import { labelSelector } from "./label-selector.js";
import type { Scope } from "./scope.js";

export interface CreateVolumeOptions extends Abortable {
  /** So much can be on it, such as 512Mi or 20Gi: 64Mi to 1Ti. */
  readonly size: string;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export interface ListVolumesOptions extends Abortable {
  /** Only those that have all of these. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/**
 * @example
 * ```ts
 * import { Alcove } from "alcove";
 *
 * using alcove = new Alcove();
 * const { volumes, sandboxes } = alcove.defaultGroup;
 * await volumes.create("notes", { size: "1Gi" });
 * const first = await sandboxes.create({ image: "debian", volumes: { notes: "/notes" } });
 * await first.files.write("/notes/today", "kept");
 * await first.delete();
 * const second = await sandboxes.create({ image: "debian", volumes: { notes: "/notes" } });
 * console.log(await second.files.readText("/notes/today"));
 * await second.delete();
 * await volumes.delete("notes");
 * ```
 */
export class Volumes {
  readonly #scope: Scope;

  /** Made by `alcove.group(name)`. */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  create(name: string, { signal, size, labels }: CreateVolumeOptions): Promise<Volume> {
    const { transport, params } = this.#scope;
    return call(transport, createVolume, { params, body: { name, size, labels }, signal });
  }

  /** By name. */
  list({ signal, labels }: ListVolumesOptions = {}): Promise<Volume[]> {
    const { transport, params } = this.#scope;
    return call(transport, listVolumes, { params, query: { labels: labelSelector(labels) }, signal });
  }

  /** With what it takes of the host's disk. */
  get(name: string, { signal }: Abortable = {}): Promise<Volume> {
    const { transport, params } = this.#scope;
    return call(transport, getVolume, { params: { ...params, volumeName: name }, signal });
  }

  /** Makes a copy of a volume that no sandbox has. */
  fork(name: string, copy: string, { signal, labels }: Omit<CreateVolumeOptions, "size"> = {}): Promise<Volume> {
    const { transport, params } = this.#scope;
    const body = { destinationVolumeName: copy, labels };
    return call(transport, forkVolume, { params: { ...params, volumeName: name }, body, signal });
  }

  /** With everything on it. Refused while a sandbox has it. */
  async delete(name: string, { signal }: Abortable = {}): Promise<void> {
    const { transport, params } = this.#scope;
    await call(transport, deleteVolume, { params: { ...params, volumeName: name }, signal });
  }
}

/** Where volumes go, by their names: a directory, or with `readOnly`, so that nothing in the sandbox changes it. */
export type VolumesAt = Readonly<Record<string, string | { readonly mountpoint: string; readonly readOnly?: boolean }>>;

export function mountsIn(volumes: VolumesAt) {
  return Object.entries(volumes).map(([volumeName, where]) =>
    typeof where === "string" ? { volumeName, mountpoint: where } : { volumeName, ...where },
  );
}
