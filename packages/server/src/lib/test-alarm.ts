/** A clock and timers that a test moves. */
import type { Alarm } from "./due-queue.js";

export class TestAlarm implements Alarm {
  timers: { readonly atMs: number; readonly work: () => void }[] = [];
  #now = 5_000_000;

  readonly monotonic = () => this.#now;

  readonly after = (ms: number, work: () => void) => {
    const timer = { atMs: this.#now + ms, work };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  };

  /** So much time passes; what is due meanwhile is done at its end. */
  pass(ms: number): void {
    this.#now += ms;
    for (const timer of this.timers.filter(({ atMs }) => atMs <= this.#now)) {
      this.timers = this.timers.filter((other) => other !== timer);
      timer.work();
    }
  }
}
