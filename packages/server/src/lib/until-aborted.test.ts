import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { untilAborted } from "./until-aborted.js";

test("the promise's outcome comes through", async () => {
  const { signal } = new AbortController();
  expect(await untilAborted(Promise.resolve(1), signal)).toBe(1);
  await expect(untilAborted(Promise.reject(new Error("no")), signal)).rejects.toThrow("no");
  await new Promise(setImmediate);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("an abort comes first where it is first", async () => {
  const never = new Promise(() => {});
  await expect(untilAborted(never, AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
});
