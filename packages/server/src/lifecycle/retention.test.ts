import fc from "fast-check";
import { expect, test } from "vitest";
import { expiredFailures } from "./retention.js";

const retention = { keptMs: 1_000, keptCount: 3 };
const failuresAt = (...times: number[]) => times.map((failedAt, index) => ({ id: `${index}`, failedAt }));

test("a failure is kept for its time and not longer", () => {
  expect(expiredFailures(failuresAt(5_000, 4_001, 4_000), 5_000, retention)).toEqual(["2"]);
});

test("of many failures the newest are kept", () => {
  expect(expiredFailures(failuresAt(4_900, 4_999, 4_950, 4_960), 5_000, retention)).toEqual(["0"]);
});

test("whatever failed, at most the count is kept, none of them too old, none newer expired", () => {
  const times = fc.array(fc.nat(5_000), { maxLength: 20 });
  fc.assert(
    fc.property(times, (failedAt) => {
      const failures = failuresAt(...failedAt);
      const expired = new Set(expiredFailures(failures, 5_000, retention));
      const kept = failures.filter(({ id }) => !expired.has(id));
      expect(kept.length).toBe(Math.min(retention.keptCount, failures.filter((one) => one.failedAt > 4_000).length));
      const oldestKept = Math.min(...kept.map((one) => one.failedAt));
      for (const one of failures) if (one.failedAt > oldestKept) expect(expired.has(one.id)).toBe(false);
    }),
  );
});
