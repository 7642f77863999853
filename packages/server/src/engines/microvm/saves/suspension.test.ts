import { expect, test, vi } from "vitest";
import type { Guest } from "../../../guest/guest.js";
import type { Footing } from "../machine/footing.js";
import { syncBefore, syncGuest, syncMs } from "./suspension.js";

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
    const machine = { guest: { execs: { run } } as unknown as Guest, footing: {} as Footing };
    let isOver = false;
    const synced = syncGuest(machine, new AbortController().signal);
    const over = synced.then(() => (isOver = true));
    await vi.advanceTimersByTimeAsync(syncMs - 1);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await over;
  } finally {
    vi.useRealTimers();
  }
});

test("what is kept with its memory has written to its volumes before: they outlive it", async () => {
  const sync = vi.fn(async () => undefined);
  const guest = { volumes: { sync } } as unknown as Guest;
  const signal = new AbortController().signal;
  await syncBefore("Memory", { guest, footing: {} as Footing }, signal);
  expect(sync).not.toHaveBeenCalled();
  const volumes = [{ volumeId: "v", slot: 0, isReadOnly: false }];
  await syncBefore("Memory", { guest, footing: { volumes } as unknown as Footing }, signal);
  expect(sync).toHaveBeenCalledOnce();
});
