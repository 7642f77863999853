/** Which of a group's snapshots have been kept for long enough. Pure; times are milliseconds since 1970. */

/** What a group sets; a part that is left out limits nothing. */
export interface SnapshotRetention {
  /** The newest so many of each sandbox stay. */
  readonly keptPerSandbox?: number | undefined;
  readonly keptSeconds?: number | undefined;
}

export interface RetainedSnapshot {
  readonly id: string;
  readonly sandboxId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: number;
}

/** A snapshot with this label stays, whatever its value is. */
export const pinLabel = "pinned";

/**
 * Takes and answers them the oldest first; of two of the same instant the later one is the newer. Those that are pinned or in use stay; they count among a sandbox's newest, so that what is pinned does not
 * make room for more.
 */
export function expiredSnapshots<Snapshot extends RetainedSnapshot>(
  snapshots: readonly Snapshot[],
  { keptPerSandbox = Number.POSITIVE_INFINITY, keptSeconds = Number.POSITIVE_INFINITY }: SnapshotRetention,
  { now, isUsed }: { readonly now: number; readonly isUsed: (snapshot: Snapshot) => boolean },
): readonly Snapshot[] {
  const seen = new Map<string, number>();
  const expired: Snapshot[] = [];
  for (const snapshot of snapshots.toReversed().toSorted((one, other) => other.createdAt - one.createdAt)) {
    const newer = seen.get(snapshot.sandboxId) ?? 0;
    seen.set(snapshot.sandboxId, newer + 1);
    const isOver = newer >= keptPerSandbox || now - snapshot.createdAt >= keptSeconds * 1_000;
    if (isOver && !isPinned(snapshot) && !isUsed(snapshot)) expired.push(snapshot);
  }
  return expired.reverse();
}

function isPinned({ labels }: RetainedSnapshot): boolean {
  return Object.hasOwn(labels, pinLabel);
}
