/** What every machine of this engine shares: where things lie, what it is made of, and how it is limited. */
import type { Size } from "@alcove/contract";
import type { ServeHost } from "../../../guest/host-side.js";
import type { GuestRelay } from "../../../guest/relay/relay.js";
import type { Cgroups } from "../../../host/cgroups.js";
import type { Installation } from "../findings/installation.js";
import type { Holdings } from "../saves/holdings.js";
import type { LayerChains } from "../saves/layer-chains.js";
import type { Roots } from "./machine-paths.js";
import type { MachineUsers } from "./machine-users.js";

export interface MachineHost {
  readonly roots: Roots;
  readonly holdings: Holdings;
  readonly chains: LayerChains;
  /** Who answers the calls that a sandbox's agent makes, where it is not the daemon. */
  readonly serveHost: ((sandboxId: string) => ServeHost) | undefined;
  /** Who takes apart what agents answer, where it is not the daemon. */
  readonly relay: GuestRelay | undefined;
  readonly installation: Installation;
  readonly hostBootId: string;
  /** Undefined where this user has no rights to make control groups. */
  readonly cgroups: Cgroups | undefined;
  /** Undefined where this is not root. */
  readonly users: MachineUsers | undefined;
  /** Whether a machine gets namespaces of its own: as root, in a user namespace, or not at all. */
  readonly namespaces: "root" | "user" | "none";
  /** What QEMU itself is made of: programs, libraries, firmware. */
  readonly programPaths: readonly string[];
  /** Devices that QEMU opens. */
  readonly devicePaths: readonly string[];
  /** The group that may open /dev/kvm, where machines use it. */
  readonly kvmGroup: number | undefined;
}

const bytesPerMiB = 1024 * 1024;

/** What QEMU needs besides the guest's memory: code, devices and, under emulation, translated code. */
export const overheadMiB = 160;

/** Well below the daemon's, so that it answers while every machine computes. */
const cpuWeight = 25;
/** QEMU has a thread for each processor, and up to 64 for its disks. */
const maximumThreads = 160;

/** On top of what the guest may compute: QEMU's own thread, which moves the bytes of disk and channel. */
const deviceMillicores = 500;

/** Set once a machine runs: its start is the daemon's own work, and somebody waits for it. */
export function cpuLimitsOf(cpuMillicores: number) {
  return { millicores: cpuMillicores + deviceMillicores, weight: cpuWeight };
}

export function limitsOf(size: Size) {
  return { memoryBytes: (size.memoryMiB + 2 * overheadMiB) * bytesPerMiB, pids: maximumThreads };
}

export function diskBytesOf(size: Size): number {
  return size.diskMiB * bytesPerMiB;
}

export function vcpusOf(size: Size): number {
  return Math.max(1, Math.ceil(size.cpuMillicores / 1000));
}
