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

/** Where the daemon listens beside its UNIX socket. */
export interface TcpFacts {
  readonly url: string;
  /** SHA-256 of the certificate; undefined where requests travel in the clear. */
  readonly fingerprint: string | undefined;
  readonly isSelfMade: boolean;
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
