import { expect, test } from "vitest";
import { Semaphore } from "./semaphore.js";

const idle = new AbortController().signal;

function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test("so many work at the same time, the others in their order; who gives up is skipped", async () => {
  const turns = new Semaphore(1);
  const { opened, open } = gate();
  const order: string[] = [];
  const first = turns.take(idle, async () => {
    await opened;
    order.push("first");
  });
  const leaving = new AbortController();
  const gone = turns.take(leaving.signal, async () => void order.push("gone"));
  const last = turns.take(idle, async () => void order.push("last"));
  leaving.abort(new Error("left"));
  await expect(gone).rejects.toThrow("left");
  open();
  await Promise.all([first, last]);
  expect(order).toEqual(["first", "last"]);
});

test("work that fails gives its turn on", async () => {
  const turns = new Semaphore(1);
  await expect(turns.take(idle, () => Promise.reject(new Error("no luck")))).rejects.toThrow("no luck");
  expect(await turns.take(idle, async () => "luck")).toBe("luck");
});
