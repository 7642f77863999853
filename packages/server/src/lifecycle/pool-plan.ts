/**
 * How many sandboxes a warm pool shall hold: as many as creations asked it for within the last minute, at least its minimum,
 * at most its maximum, and no more than the group's quota has room for.
 */
import { parseMiB, type Quota, type Size } from "@alcove/contract";

export const askedWithinMs = 60_000;

export interface PoolBounds {
  readonly minimum: number;
  readonly maximum: number;
}

/** `askedAt`: when creations asked, served or not; milliseconds since 1970. */
export function wantedMembers({ minimum, maximum }: PoolBounds, askedAt: readonly number[], now: number): number {
  const asked = askedAt.filter((at) => now - at < askedWithinMs).length;
  return Math.min(maximum, Math.max(minimum, asked));
}

/** Cores and memory that a group has: of its sandboxes, and of what its pools hold besides. */
export interface GroupLoad {
  readonly cpuMillicores: number;
  readonly memoryMiB: number;
}

/** Whether one more of the size is within the quota; a pool is no way around it. */
export function fitsQuota({ cores, memory }: Quota, load: GroupLoad, size: Size): boolean {
  const fitsCores = cores === undefined || load.cpuMillicores + size.cpuMillicores <= Math.round(cores * 1_000);
  return fitsCores && (memory === undefined || load.memoryMiB + size.memoryMiB <= parseMiB(memory));
}
