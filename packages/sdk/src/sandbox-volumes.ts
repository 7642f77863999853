/** The volumes that one sandbox has. */
import { attachVolume, detachVolume, type Volume } from "@alcove/contract";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import type { SandboxAddress } from "./scope.js";

export interface AttachVolumeOptions extends Abortable {
  /** Nothing in the sandbox changes the volume. Default false. */
  readonly readOnly?: boolean | undefined;
}

export class SandboxVolumes {
  readonly #address: SandboxAddress;

  /** Made by a sandbox's handle. */
  constructor(address: SandboxAddress) {
    this.#address = address;
  }

  /** Mounts a volume of the group in the running sandbox. VolumeInUse where another one has it. */
  attach(name: string, mountpoint: string, { readOnly, signal }: AttachVolumeOptions = {}): Promise<Volume> {
    const { transport, params } = this.#address;
    return call(transport, attachVolume, { params, body: { volumeName: name, mountpoint, readOnly }, signal });
  }

  /** What was written is on the volume when this answers. VolumeBusy while programs use files on it. */
  async detach(name: string, { signal }: Abortable = {}): Promise<void> {
    const { transport, params } = this.#address;
    await call(transport, detachVolume, { params: { ...params, volumeName: name }, signal });
  }
}
