import fc from "fast-check";
import { expect, test } from "vitest";
import { TokenBucket } from "./token-bucket.js";

test("what it holds at once is had at once, then one after the other, each when it was said", () => {
  const bucket = new TokenBucket({ capacity: 3, perMinute: 60, now: 0 });
  expect([bucket.take(0), bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([0, 0, 0, 1_000]);
  expect(bucket.take(999)).toBe(1);
  expect(bucket.take(1_000)).toBe(0);
  expect(bucket.left(1_000)).toBe(0);
  expect(bucket.untilFull(1_000)).toBe(3_000);
  expect(bucket.left(60_000)).toBe(3);
});

test("a clock that is set back gives nothing and takes nothing", () => {
  const bucket = new TokenBucket({ capacity: 1, perMinute: 60, now: 10_000 });
  expect(bucket.take(10_000)).toBe(0);
  expect(bucket.take(5_000)).toBe(1_000);
  expect(bucket.take(6_000)).toBe(0);
});

test("in no span of time more is had than it holds and what the time gives", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.array(fc.nat(500)),
      (capacity, perMinute, steps) => {
        const bucket = new TokenBucket({ capacity, perMinute, now: 0 });
        let now = 0;
        let had = 0;
        for (const step of steps) {
          now += step;
          if (bucket.take(now) === 0) had += 1;
        }
        expect(had).toBeLessThanOrEqual(capacity + (now * perMinute) / 60_000);
      },
    ),
  );
});
