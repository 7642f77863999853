/** How long the record of a creation that failed is kept: long enough to read why, not forever. */

export interface Failure {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly failedAt: number;
}

export interface Retention {
  readonly keptMs: number;
  readonly keptCount: number;
}

export const failureRetention: Retention = { keptMs: 3_600_000, keptCount: 100 };

/** Ids of the failures that are too old, or beyond the newest `keptCount`. */
export function expiredFailures(failures: readonly Failure[], now: number, retention = failureRetention): string[] {
  return failures
    .toSorted((one, other) => other.failedAt - one.failedAt)
    .filter((failure, position) => position >= retention.keptCount || now - failure.failedAt >= retention.keptMs)
    .map(({ id }) => id);
}
