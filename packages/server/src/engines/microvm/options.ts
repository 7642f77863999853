import type { ServeHost } from "../../guest/host-side.js";
import type { GuestRelay } from "../../guest/relay/relay.js";
import type { Accelerator } from "./machine/command-line.js";
import type { Roots } from "./machine/machine-paths.js";

export interface MicrovmOptions extends Roots {
  /** Holds vmlinuz, initramfs, agent and guest.json. */
  readonly guestDirectory: string;
  /** Found out by trying when left out. */
  readonly accelerator?: Accelerator;
  /** Who answers the calls that the agent of a sandbox makes; the daemon's own answer is the time, and nothing else. */
  readonly serveHost?: (sandboxId: string) => ServeHost;
  /** Who takes apart what agents answer; left out, this process does. */
  readonly relay?: GuestRelay;
  /** How long a builder may take nothing of a layer that has bytes for it; 2 minutes when left out. */
  readonly builderStallMs?: number;
  /** How long a machine sleeps before layers of its disk are merged; 5 s when left out. */
  readonly mergeQuietMs?: number;
  /** How long a machine sleeps before its memory is compressed; never where it is left out or 0. */
  readonly packAfterMs?: number;
  /** Told of each suspended machine whose layers could not be merged, or its memory compressed, and stay as they are: a sentence. */
  readonly onMergeFailed?: (sentence: string) => void;
  /** What templates may take of the disk, but for those that something stands on; no limit when left out. */
  readonly templatesMaximumBytes?: number;
  /** Told of what was removed to keep within limits: a sentence. */
  readonly onUpkeep?: (sentence: string) => void;
  /** Told how long each phase of a start took, for benchmarks. */
  readonly onTimings?: (timings: StartTimings) => void;
  /** Told of each template that was not what it had been when it was made, and was removed: a sentence. */
  readonly onDamagedTemplate?: (sentence: string) => void;
}

/** Milliseconds from the beginning of `start`. */
export interface StartTimings {
  readonly id: string;
  /** The template was found whole. */
  readonly template: number;
  /** Disk, directories, limits were made. */
  readonly files: number;
  /** QEMU's process exists. */
  readonly spawned: number;
  /** QEMU listens: it has read its command line and made its devices. */
  readonly listening: number;
  /** The guest runs: the agent answered on the channel. */
  readonly connected: number;
  /** Renewed: the machine takes calls. */
  readonly renewed: number;
}
