import { expect, test, vi } from "vitest";
import type { Guest } from "../../../guest/guest.js";
import { syncGuest, syncMs } from "./suspension.js";

/** The guest's `sync` is the guest's: it may never end, and its agent may be gone. */
test("a guest whose sync never ends is not waited for for ever", async () => {
  vi.useFakeTimers();
  try {
    const run = (_spec: unknown, signal: AbortSignal) => ({
      async *[Symbol.asyncIterator]() {
        await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        yield undefined;
      },
    });
    let isOver = false;
    const synced = syncGuest({ execs: { run } } as unknown as Guest, new AbortController().signal);
    const over = synced.then(() => (isOver = true));
    await vi.advanceTimersByTimeAsync(syncMs - 1);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await over;
  } finally {
    vi.useRealTimers();
  }
});
