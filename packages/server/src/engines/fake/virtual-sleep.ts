/** The fake guest's `sleep`: the one place where time itself is what is asked for. */
import { setTimeout as wait } from "node:timers/promises";

export async function elapse(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(Math.min(milliseconds, 2 ** 31 - 1), undefined, { signal, ref: false });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
