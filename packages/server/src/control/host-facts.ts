/** What control asks about the host: room on the disk, memory, cores. */
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
}

const bytesPerMiB = 1_048_576;

export function hostFacts(disk: () => Promise<DiskFacts>): HostFacts {
  return {
    cores: availableParallelism(),
    totalMemoryMiB: Math.floor((process.constrainedMemory() || totalmem()) / bytesPerMiB),
    availableMemoryMiB: () => Math.floor(process.availableMemory() / bytesPerMiB),
    disk,
  };
}
