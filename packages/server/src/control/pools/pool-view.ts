import type { Pool } from "@alcove/contract";
import type { PoolRecord } from "../../store/pools.js";

/** What a pool holds now. */
export interface PoolState {
  readonly ready: number;
  readonly starting: number;
  readonly claimed: number;
  /** Milliseconds since 1970; undefined where it has no primed template. */
  readonly primedAt?: number | undefined;
  readonly message: string | undefined;
}

/** The pool as callers see it. */
export function toPool(record: PoolRecord, { message, primedAt, ...state }: PoolState): Pool {
  const { name, group, image, imageIsPublic, size, minimum, maximum, prime, createdAt } = record;
  return {
    ...{ name, group, minimum, maximum },
    sourcesRef: { diskImage: { name: image, ...(imageIsPublic && { isPublic: true }) } },
    resources: { cpu: `${size.cpuMillicores}m`, memory: `${size.memoryMiB}Mi`, disk: `${size.diskMiB}Mi` },
    ...(prime.length > 0 && { prime: [...prime] }),
    ...state,
    ...(primedAt !== undefined && { primedAt: new Date(primedAt).toISOString() }),
    ...(message !== undefined && { message }),
    createdAt: new Date(createdAt).toISOString(),
  };
}
