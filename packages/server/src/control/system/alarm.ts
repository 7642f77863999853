/** The host's own clock and timers, for what is due some time. */
import type { Alarm } from "../../lib/due-queue.js";
import { hostClocks } from "../groups/usage-clock.js";

export const hostAlarm: Alarm = {
  monotonic: hostClocks.monotonic,
  after(ms, work) {
    const timer = setTimeout(work, ms).unref();
    return () => clearTimeout(timer);
  },
};
