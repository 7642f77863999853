import { expect, test } from "vitest";
import { Journal } from "./journal.js";

test("a program that never ends to write leaves the daemon its turns, read or not", async () => {
  const journal = new Journal(undefined);
  let turns = 0;
  setImmediate(() => turns++);
  for (let line = 0; line < 100; line++) {
    await journal.append("stdout", Buffer.from("y\n"), new AbortController().signal);
  }
  expect(turns).toBe(1);
});
