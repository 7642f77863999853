import { getEventListeners, once } from "node:events";
import { expect, test } from "vitest";
import { withDeadline } from "./deadline.js";

test("the time ends it, and it says so", async () => {
  using deadline = withDeadline(new AbortController().signal, 5);
  await once(deadline.signal, "abort");
  expect(deadline.expired).toBe(true);
  expect(deadline.signal.reason).toMatchObject({ name: "TimeoutError", message: "nothing within 5 ms" });
});

test("the parent ends it with the parent's reason", () => {
  const parent = new AbortController();
  using deadline = withDeadline(parent.signal, 60_000);
  parent.abort(new Error("enough"));
  expect(deadline.signal.reason).toEqual(new Error("enough"));
  expect(deadline.expired).toBe(false);
  using late = withDeadline(parent.signal, 60_000);
  expect(late.signal.aborted).toBe(true);
});

test("nothing of it is left on the parent", () => {
  const parent = new AbortController();
  {
    using _ = withDeadline(parent.signal, 60_000);
    expect(getEventListeners(parent.signal, "abort")).toHaveLength(1);
  }
  expect(getEventListeners(parent.signal, "abort")).toHaveLength(0);
});
