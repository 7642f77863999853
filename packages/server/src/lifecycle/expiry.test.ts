import type { LifecyclePolicy } from "@alcove/contract";
import { expect, test } from "vitest";
import { doubtedUntil, expiryOf } from "./expiry.js";

const day = 86_400_000;
const afterSuspend = { enabled: true, trigger: "AfterSuspend" } as const;
const afterCreation = { enabled: true, trigger: "AfterCreation" } as const;

test.each<{ name: string; policy: LifecyclePolicy; stoppedAt?: number; at: number | undefined }>([
  { name: "no policy", policy: {}, at: undefined },
  { name: "one that is off", policy: { autoDeletePolicy: { ...afterCreation, enabled: false } }, at: undefined },
  { name: "AfterSuspend of one that runs", policy: { autoDeletePolicy: afterSuspend }, at: undefined },
  {
    name: "AfterSuspend without an interval",
    policy: { autoDeletePolicy: afterSuspend },
    stoppedAt: 500,
    at: day + 500,
  },
  { name: "no trigger", policy: { autoDeletePolicy: { enabled: true } }, stoppedAt: 500, at: day + 500 },
  {
    name: "0 days after it was stopped",
    policy: { autoDeletePolicy: { ...afterSuspend, deleteIntervalInDays: 0 } },
    stoppedAt: 500,
    at: 500,
  },
  {
    name: "seconds after creation, though it was stopped",
    policy: { autoDeletePolicy: { ...afterCreation, deleteIntervalInSeconds: 2 } },
    stoppedAt: 500,
    at: 2_100,
  },
  { name: "a maximum lifetime", policy: { maximumLifetimeInSeconds: 3 }, at: 3_100 },
  {
    name: "what comes first, the deletion",
    policy: { maximumLifetimeInSeconds: 3, autoDeletePolicy: { ...afterCreation, deleteIntervalInSeconds: 2 } },
    at: 2_100,
  },
  {
    name: "what comes first, the maximum lifetime",
    policy: { maximumLifetimeInSeconds: 1, autoDeletePolicy: { ...afterSuspend, deleteIntervalInSeconds: 2 } },
    stoppedAt: 500,
    at: 1_100,
  },
])("deletion by $name", ({ policy, stoppedAt, at }) => {
  expect(expiryOf(policy, { createdAt: 100, stoppedAt })?.at).toBe(at);
});

test("a time of day that was set, forth or back, is doubted for ten minutes; drift and passing time are not", () => {
  const before = { wallMs: 1_000_000, monotonicMs: 5_000 };
  const until = (wallMs: number, monotonicMs: number) => doubtedUntil(before, { wallMs, monotonicMs }, 7);
  expect(until(1_000_000 + day, 5_000 + day)).toBe(7);
  expect(until(1_000_000 + day + 59_000, 5_000 + day)).toBe(7);
  expect(until(1_000_000 + day, 6_000)).toBe(606_000);
  expect(until(1_000_000 - day, 6_000)).toBe(606_000);
});
