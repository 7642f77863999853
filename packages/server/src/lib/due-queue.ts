/** Things that are due some time, and one timer for the first of them. */

export interface Alarm {
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number;
  /** Does the work once after so long, unless the answer is called first. */
  readonly after: (ms: number, work: () => void) => () => void;
}

/** Timers of Node hold no more than 24 days; and whoever goes by the time of day looks again when it may have been set. */
const longestMs = 3_600_000;

export class DueQueue {
  readonly #alarm: Alarm;
  readonly #onDue: (id: string) => void;
  readonly #due = new Map<string, number>();
  #armedFor = Number.POSITIVE_INFINITY;
  #disarm: () => void = () => undefined;

  constructor(alarm: Alarm, onDue: (id: string) => void) {
    this.#alarm = alarm;
    this.#onDue = onDue;
  }

  /** At the latest in an hour, so what is due later is looked at in between. Replaces what was said of it before. */
  set(id: string, inMs: number): void {
    const atMs = this.#alarm.monotonic() + Math.min(Math.max(0, inMs), longestMs);
    this.#due.set(id, atMs);
    if (atMs < this.#armedFor) this.#arm(atMs);
  }

  delete(id: string): void {
    this.#due.delete(id);
  }

  get size(): number {
    return this.#due.size;
  }

  close(): void {
    this.#due.clear();
    this.#disarm();
    this.#armedFor = Number.NEGATIVE_INFINITY;
  }

  #arm(atMs: number): void {
    this.#disarm();
    this.#armedFor = atMs;
    this.#disarm = this.#alarm.after(Math.max(0, atMs - this.#alarm.monotonic()), () => this.#fire());
  }

  #fire(): void {
    this.#armedFor = Number.POSITIVE_INFINITY;
    const now = this.#alarm.monotonic();
    const due = [...this.#due].filter(([, atMs]) => atMs <= now).map(([id]) => id);
    for (const id of due) this.#due.delete(id);
    for (const id of due) this.#onDue(id);
    let next = Number.POSITIVE_INFINITY;
    for (const atMs of this.#due.values()) next = Math.min(next, atMs);
    if (next < this.#armedFor) this.#arm(next);
  }
}
