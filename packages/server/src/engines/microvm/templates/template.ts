/**
 * A template: the memory, the devices and the disk of a guest that has booted, mounted its image and warmed its caches, at
 * one paused instant. Every sandbox of the same image and size goes on from it.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Size } from "@alcove/contract";
import type { DiskImage } from "../../engine.js";
import type { Installation } from "../findings/installation.js";
import { vcpusOf } from "../machine/machine-host.js";

export interface Template {
  readonly key: string;
  readonly directory: string;
  /** Guest memory: mapped privately by every machine, never changed. */
  readonly memory: string;
  /** The devices, as QEMU saved them. */
  readonly state: string;
  /** A frozen layer on the image: what the guest wrote before it was stopped. */
  readonly disk: string;
}

export function templateIn(directory: string, key: string): Template {
  return {
    key,
    directory,
    memory: join(directory, "memory"),
    state: join(directory, "state"),
    disk: join(directory, "disk.qcow2"),
  };
}

/** Changes whenever the way templates are made does. */
const makingVersion = 4;

/** What every template of this host is made with; one that was made with something else is of no use any more. */
export function makingOf(installation: Installation): string {
  const { qemu, platform, cpuModel, assets } = installation;
  const { architecture, accelerator } = platform;
  return JSON.stringify([makingVersion, qemu.build, architecture, accelerator, cpuModel, assets.digest]);
}

/** A saved machine goes on only where everything that it was saved from is the same. */
export function templateKey(installation: Installation, disk: DiskImage, size: Size): string {
  return keyOfMaking(makingOf(installation), disk, size);
}

export function keyOfMaking(making: string, disk: Omit<DiskImage, "name">, size: Size): string {
  const parts = {
    making,
    image: disk.digest,
    imagePath: disk.path,
    warm: disk.warm,
    vcpus: vcpusOf(size),
    memoryMiB: size.memoryMiB,
    diskMiB: size.diskMiB,
  };
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}
