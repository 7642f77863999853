/** What control asks about the host: room on the disk, memory, cores. */
import { statfs } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import process from "node:process";

export interface HostFacts {
  readonly cores: number;
  readonly totalMemoryMiB: number;
  availableMemoryMiB(): number;
  /** Of the disk that holds the data directory. */
  disk(): Promise<DiskFacts>;
}

export interface DiskFacts {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** ext4, xfs, … or the number that the kernel gives it. */
  readonly fileSystem: string;
}

const bytesPerMiB = 1_048_576;

export function hostFacts(dataDirectory: string): HostFacts {
  return {
    cores: availableParallelism(),
    totalMemoryMiB: Math.floor((process.constrainedMemory() || totalmem()) / bytesPerMiB),
    availableMemoryMiB: () => Math.floor(process.availableMemory() / bytesPerMiB),
    async disk() {
      const found = await statfs(dataDirectory);
      return {
        freeBytes: found.bavail * found.bsize,
        totalBytes: found.blocks * found.bsize,
        fileSystem: fileSystems[found.type] ?? `0x${found.type.toString(16)}`,
      };
    },
  };
}

/** Magic numbers of statfs(2). */
const fileSystems: Readonly<Record<number, string>> = {
  61267: "ext4",
  1481003842: "xfs",
  2435016766: "btrfs",
  16914836: "tmpfs",
  2035054128: "overlay",
  26985: "nfs",
  801189825: "zfs",
  1702057286: "fuse",
};
