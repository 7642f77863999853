/** A host whose time the test moves; the time of day goes with the other clock unless it is set. */
import type { LifecyclePolicy, Sandbox } from "@alcove/contract";
import { waitFor } from "../../lib/backoff.js";
import { TestAlarm } from "../../lib/test-alarm.js";
import { hostClocks } from "../groups/usage-clock.js";
import { type DaemonChanges, debian, group, never, type TestDaemon, TestHost } from "../test-daemon.js";

export class TimedHost extends TestHost {
  readonly alarm = new TestAlarm();
  readonly #began = { wall: Date.now(), monotonic: this.alarm.monotonic() };
  setBy = 0;

  readonly wall = () => this.#began.wall + this.setBy + this.alarm.monotonic() - this.#began.monotonic;

  timed(changes: DaemonChanges = {}): Promise<TestDaemon> {
    const options = { ...changes.options, alarm: this.alarm, clocks: { ...hostClocks, wall: this.wall } };
    return this.daemon({ ...changes, options });
  }

  create({ control }: TestDaemon, lifecycle: LifecyclePolicy, more = {}): Promise<Sandbox> {
    return control.sandboxes.create(group, { ...debian, ...more, lifecycle }, never);
  }

  /** Passes the time, and waits until all that was due then has been looked at, where something is due later. */
  async pass(ms: number): Promise<void> {
    this.alarm.pass(ms);
    await new Promise((resolve) => setImmediate(resolve));
    const isLooked = () => this.alarm.timers.every(({ atMs }) => atMs > this.alarm.monotonic());
    await waitFor(() => (isLooked() ? true : undefined), never);
  }
}

/** The same thing with other members. */
export function replaced<Thing extends object>(thing: Thing, members: Partial<Thing>): Thing {
  return new Proxy(thing, {
    get(target, name) {
      if (name in members) return Reflect.get(members, name);
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
