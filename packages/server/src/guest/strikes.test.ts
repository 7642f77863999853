import { expect, test } from "vitest";
import { Strikes } from "./strikes.js";

test("five faults within a minute are punished for a while, then forgiven", () => {
  let now = 0;
  const strikes = new Strikes(() => now);
  for (let fault = 0; fault < 4; fault++) strikes.add(new Error(`fault ${fault}`));
  expect(strikes.penalty).toBeUndefined();
  strikes.add(new Error("the fifth"));
  expect(strikes.penalty?.message).toBe("the fifth");
  expect(strikes.remainingMs).toBe(30_000);
  now = 30_001;
  expect(strikes.penalty).toBeUndefined();
});

test("faults that are far apart are no pattern", () => {
  let now = 0;
  const strikes = new Strikes(() => now);
  for (let fault = 0; fault < 20; fault++) {
    strikes.add(new Error("once in a while"));
    now += 20_000;
    expect(strikes.penalty).toBeUndefined();
  }
});
