import { expect, test } from "vitest";
import { Backoff, waitFor } from "./backoff.js";

test("delays double up to the last one", async () => {
  const backoff = new Backoff({ firstMs: 10, lastMs: 40 });
  const waited: number[] = [];
  for (let round = 0; round < 4; round++) {
    const began = performance.now();
    await backoff.wait(AbortSignal.timeout(5_000));
    waited.push(performance.now() - began);
  }
  expect(waited[0]).toBeGreaterThanOrEqual(7);
  expect(waited[1]).toBeGreaterThanOrEqual(15);
  expect(waited[2]).toBeGreaterThanOrEqual(31);
  expect(waited[3]).toBeGreaterThanOrEqual(31);
});

test("waiting for a fact answers with it", async () => {
  let asked = 0;
  expect(await waitFor(() => (++asked === 3 ? "there" : undefined), AbortSignal.timeout(5_000))).toBe("there");
  expect(asked).toBe(3);
});

test("an abort ends the waiting with its own reason", async () => {
  const controller = new AbortController();
  const waiting = waitFor(() => undefined, controller.signal, { firstMs: 60_000, lastMs: 60_000 });
  setImmediate(() => controller.abort(new Error("enough")));
  await expect(waiting).rejects.toThrow("enough");
  await expect(waitFor(() => "there", AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
});
