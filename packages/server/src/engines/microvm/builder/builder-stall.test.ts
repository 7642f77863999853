import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { StallGuard } from "./builder-stall.js";

const patienceMs = 40;
const never = new AbortController().signal;
const stalled = async (seconds: number) => new Error(`stood still for ${seconds} s`);

async function* slowly(pauses: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const pause of pauses) {
    await setTimeout(pause);
    yield Buffer.from("x");
  }
}

test("a source that is slow is waited for", async () => {
  using guard = new StallGuard([never], stalled, patienceMs);
  let pieces = 0;
  for await (const _piece of guard.watch(slowly([3 * patienceMs, 3 * patienceMs]))) pieces++;
  expect(pieces).toBe(2);
  expect(guard.signal.aborted).toBe(false);
});

test("a guest that asks for no more is given up, with the reason", async () => {
  using guard = new StallGuard([never], stalled, patienceMs);
  const pieces = guard.watch(slowly([0, 0]));
  await pieces.next();
  await setTimeout(3 * patienceMs);
  expect(guard.signal.reason).toEqual(new Error("stood still for 0.04 s"));
});

test("a guest that does not answer after the last piece is given up", async () => {
  using guard = new StallGuard([never], stalled, patienceMs);
  for await (const _piece of guard.watch(slowly([]))) expect.fail("there is no piece");
  expect(guard.signal.aborted).toBe(false);
  await setTimeout(3 * patienceMs);
  expect(guard.signal.aborted).toBe(true);
});

test("it follows what it belongs to, and nothing once it is disposed of", async () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const guard = new StallGuard([first.signal, second.signal], stalled, patienceMs);
  second.abort(new Error("the build was given up"));
  expect(guard.signal.reason).toEqual(new Error("the build was given up"));
  guard[Symbol.dispose]();
  const disposed = new StallGuard([first.signal], stalled, patienceMs);
  disposed[Symbol.dispose]();
  first.abort(new Error("later"));
  await setTimeout(3 * patienceMs);
  expect(disposed.signal.aborted).toBe(false);
  expect(new StallGuard([first.signal], stalled, patienceMs).signal.reason).toEqual(new Error("later"));
});
