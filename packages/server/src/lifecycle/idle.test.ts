import type { AutoSuspendPolicy } from "@alcove/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cpuWindowMs, idleness, isBusy, type Programs, type Use } from "./idle.js";

const nowMs = 1_000_000;
const policy: AutoSuspendPolicy = { enabled: true, interval: 60 };
const used = (secondsAgo: number, open: Partial<Use> = {}): Use => ({
  calls: 0,
  sessions: 0,
  last: { atMs: nowMs - secondsAgo * 1_000, kind: "call" },
  ...open,
});

const table: {
  name: string;
  policy?: AutoSuspendPolicy;
  use: Use;
  programs?: Programs;
  kinds: string[];
  sleepsInMs: number | undefined;
}[] = [
  { name: "off", policy: { enabled: false }, use: used(600), kinds: ["policy"], sleepsInMs: undefined },
  {
    name: "mode None",
    policy: { enabled: true, mode: "None", interval: 1 },
    use: used(600),
    kinds: ["policy"],
    sleepsInMs: undefined,
  },
  { name: "used a while ago", use: used(20), kinds: ["recentUse"], sleepsInMs: 40_000 },
  { name: "unused for its interval", use: used(60), kinds: [], sleepsInMs: 0 },
  { name: "the default interval", policy: { enabled: true }, use: used(299), kinds: ["recentUse"], sleepsInMs: 1_000 },
  { name: "a call under way", use: used(600, { calls: 1 }), kinds: ["call"], sleepsInMs: undefined },
  {
    name: "streams and a call, used a while ago",
    use: used(1, { calls: 2, sessions: 1 }),
    kinds: ["call", "session", "recentUse"],
    sleepsInMs: undefined,
  },
  {
    name: "a command that nobody follows",
    use: used(600),
    programs: { execs: 1, entrypoint: true },
    kinds: ["exec"],
    sleepsInMs: undefined,
  },
  {
    name: "a command where calls alone count",
    policy: { ...policy, keepAwake: [] },
    use: used(60),
    programs: { execs: 1, entrypoint: true },
    kinds: [],
    sleepsInMs: 0,
  },
  {
    name: "its own program, where that counts",
    policy: { ...policy, keepAwake: ["entrypoint"] },
    use: used(60),
    programs: { execs: 1, entrypoint: true },
    kinds: ["entrypoint"],
    sleepsInMs: undefined,
  },
  {
    name: "busy processors",
    policy: { ...policy, keepAwake: ["cpu"] },
    use: used(0, { last: { atMs: nowMs - 10_000, kind: "cpu" } }),
    kinds: ["cpu"],
    sleepsInMs: 50_000,
  },
];

test.each(table)("$name", (row) => {
  const found = idleness(row.policy ?? policy, { use: row.use, programs: row.programs, nowMs });
  expect(found.keptAwakeBy.map(({ kind }) => kind)).toEqual(row.kinds);
  expect(found.sleepsInMs).toBe(row.sleepsInMs);
});

test("reasons are sentences with their figures", () => {
  const use = used(12, { calls: 1, sessions: 2 });
  const { keptAwakeBy } = idleness(policy, { use, programs: { execs: 3, entrypoint: false }, nowMs });
  expect(keptAwakeBy.map(({ message }) => message)).toEqual([
    "1 call is under way.",
    "2 streams are open.",
    "3 commands run in it.",
    "It was used 12 s ago; its policy waits 60 s.",
  ]);
});

test("what is said to sleep has no reason to be awake, and what has none sleeps", () => {
  const open = fc.record({ calls: fc.nat(2), sessions: fc.nat(2), secondsAgo: fc.nat(120), execs: fc.nat(2) });
  fc.assert(
    fc.property(open, ({ secondsAgo, execs, ...counts }) => {
      const use = used(secondsAgo, counts);
      const { keptAwakeBy, sleepsInMs } = idleness(policy, { use, programs: { execs, entrypoint: false }, nowMs });
      expect(keptAwakeBy.length === 0).toBe(sleepsInMs !== undefined && sleepsInMs <= 0);
    }),
  );
});

test("processors are busy from a twentieth of a core on, and where the guest's count goes back", () => {
  const busy = (usageUsec: number) => isBusy({ atMs: 0, usageUsec: 1_000_000 }, { atMs: 10_000, usageUsec });
  expect([busy(1_000_000), busy(1_499_000), busy(1_500_000), busy(0)]).toEqual([false, false, true, true]);
  expect([cpuWindowMs(2_000), cpuWindowMs(600_000)]).toEqual([1_000, 30_000]);
});
