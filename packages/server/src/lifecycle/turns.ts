/**
 * Whose turn it is to start a sandbox: groups take turns, so that a long queue of one does not keep another waiting. Within a
 * group the order is that of arrival, and nothing overtakes.
 *
 * A group whose next sandbox does not fit holds nobody up who has less: but room is kept for it against groups that
 * would then have more of the host's memory than it, so that a large sandbox is not starved by small ones of others.
 */

/** The next creation of a group. */
export interface Head {
  readonly group: string;
  /** Memory that the group would be promised with it, in MiB. */
  readonly groupMiB: number;
  /** Grows with every turn that any group gets: the group with the smallest had its turn longest ago. */
  readonly lastTurn: number;
}

/** The head that starts now; undefined when none does. */
export function nextToStart<H extends Head>(heads: readonly H[], fits: (head: H) => boolean): H | undefined {
  const waiting: H[] = [];
  for (const head of heads.toSorted((one, other) => one.lastTurn - other.lastTurn)) {
    const isKeptBack = waiting.some(({ groupMiB }) => groupMiB < head.groupMiB);
    if (!isKeptBack && fits(head)) return head;
    waiting.push(head);
  }
  return undefined;
}
