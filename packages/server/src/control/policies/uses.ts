/**
 * What is being done with each sandbox, and when something was last. In memory: what a daemon does not remember counts from
 * its start, so nothing is suspended because the daemon was restarted. Times are of the monotonic clock.
 */
import type { Alarm } from "../../lib/due-queue.js";
import type { Use, UseKind } from "../../lifecycle/idle.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";

/** A stream that may stay open for hours is a session, everything else a call. */
export type OpenKind = "call" | "session";

interface Entry {
  calls: number;
  sessions: number;
  last: Use["last"];
}

const fields = { call: "calls", session: "sessions" } as const;

export class Uses {
  readonly #alarm: Pick<Alarm, "monotonic">;
  readonly #entries = new Map<string, Entry>();
  /** Those that are on record; others are forgotten with the call that named them. */
  readonly #known = new Set<string>();

  constructor(alarm: Pick<Alarm, "monotonic">) {
    this.#alarm = alarm;
  }

  /** Something is done with it until the answer is called, once or more. Before anything else is asked of it, so that whoever decides sees it. */
  begin(ref: SandboxRef, kind: OpenKind): () => void {
    const key = keyOf(ref);
    const entry = this.#entry(key);
    const field = fields[kind];
    entry[field] += 1;
    entry.last = this.#now("call");
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      entry[field] -= 1;
      entry.last = this.#now("call");
      if (entry.calls + entry.sessions === 0 && !this.#known.has(key)) this.#entries.delete(key);
    };
  }

  /** It runs from now on. */
  started(ref: SandboxRef): void {
    this.#known.add(keyOf(ref));
    this.#entry(keyOf(ref)).last = this.#now("start");
  }

  /** It was used besides, at that time; what was seen later counts. */
  noteUse(ref: SandboxRef, last: Use["last"]): void {
    const entry = this.#entry(keyOf(ref));
    if (last.atMs > entry.last.atMs) entry.last = last;
  }

  useOf(ref: SandboxRef): Use {
    this.#known.add(keyOf(ref));
    return { ...this.#entry(keyOf(ref)) };
  }

  /** It is not on record any more. */
  forget(ref: SandboxRef): void {
    this.#known.delete(keyOf(ref));
    const entry = this.#entries.get(keyOf(ref));
    if (entry && entry.calls + entry.sessions === 0) this.#entries.delete(keyOf(ref));
  }

  get size(): number {
    return this.#entries.size;
  }

  #entry(key: string): Entry {
    const present = this.#entries.get(key);
    if (present) return present;
    const entry = { calls: 0, sessions: 0, last: this.#now("daemon") };
    this.#entries.set(key, entry);
    return entry;
  }

  #now(kind: UseKind): Use["last"] {
    return { atMs: this.#alarm.monotonic(), kind };
  }
}

/** With its group: a call that names another group's sandbox is no use of that. */
function keyOf({ group, id }: SandboxRef): string {
  return `${group}/${id}`;
}
