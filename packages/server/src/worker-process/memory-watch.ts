/** What becomes of sessions, and of the whole process, when its memory is more than it may have. */

/** Beyond it the busiest sandbox loses its connections: buffers of the others' are not paid with the host's memory. */
const maximumResidentBytes = 768 * 1024 * 1024;
/** So long it may stay beyond: what the allocator does not give back goes with the process alone. */
const patienceMs = 5_000;

export type MemoryVerdict = "nothing" | "endBusiest" | "endProcess";

export class MemoryWatch {
  #beyondSince: number | undefined;

  /** To be asked about once a second. */
  look(residentBytes: number, now: number): MemoryVerdict {
    if (residentBytes <= maximumResidentBytes) {
      this.#beyondSince = undefined;
      return "nothing";
    }
    this.#beyondSince ??= now;
    return now - this.#beyondSince >= patienceMs ? "endProcess" : "endBusiest";
  }
}

/** The one with the most connections; none that has no connection, which holds nothing. */
export function busiest<T>(sessions: Iterable<T>, connectionsOf: (session: T) => number): T | undefined {
  let [found, most]: [T | undefined, number] = [undefined, 0];
  for (const session of sessions) {
    const connections = connectionsOf(session);
    if (connections > most) [found, most] = [session, connections];
  }
  return found;
}
