import fc from "fast-check";
import { expect, test } from "vitest";
import { type Head, nextToStart } from "./turns.js";

const head = (group: string, groupMiB: number, lastTurn: number): Head => ({ group, groupMiB, lastTurn });
const always = () => true;

test("groups take turns: the one whose turn is longest ago is next", () => {
  expect(nextToStart([head("a", 1, 7), head("b", 1, 3), head("c", 1, 5)], always)?.group).toBe("b");
  expect(nextToStart([], always)).toBeUndefined();
});

test("one that does not fit holds nobody up who would have less", () => {
  const heads = [head("large", 8_000, 1), head("small", 500, 2)];
  expect(nextToStart(heads, ({ group }) => group === "small")?.group).toBe("small");
});

test("room is kept for one that does not fit, against those who would then have more", () => {
  const heads = [head("starved", 8_000, 1), head("rich", 60_000, 2), head("poor", 100, 3)];
  expect(nextToStart(heads, ({ group }) => group !== "starved")?.group).toBe("poor");
  expect(nextToStart(heads, ({ group }) => group === "rich")).toBeUndefined();
});

interface Demand {
  readonly group: string;
  readonly memoryMiB: number;
  /** When it is asked for. */
  readonly from?: number;
}

test("on a host whose sandboxes end after a while, every group's queue comes to its end, whatever the others ask for", () => {
  const demand = fc.record({ group: fc.constantFrom("a", "b", "c"), memoryMiB: fc.integer({ min: 1, max: 10 }) });
  fc.assert(
    fc.property(fc.array(demand, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), (demands, lifetime) => {
      expect(startAll(demands, { hostMiB: 10, lifetime })).toHaveLength(demands.length);
    }),
  );
});

test("a queue of 300 does not keep a group with one waiting for more than a turn", () => {
  const many = Array.from({ length: 300 }, () => ({ group: "many", memoryMiB: 1 }));
  const started = startAll([...many, { group: "one", memoryMiB: 1 }], { hostMiB: 4, lifetime: 5 });
  expect(started.findIndex(({ group }) => group === "one")).toBeLessThan(2);
});

test("a stream of small ones does not starve a large one of another group", () => {
  const small = Array.from({ length: 300 }, () => ({ group: "small", memoryMiB: 1 }));
  const started = startAll([...small, { group: "large", memoryMiB: 8, from: 3 }], { hostMiB: 16, lifetime: 5 });
  expect(started.findIndex(({ group }) => group === "large")).toBeLessThan(100);
});

/** Plays a host: at each moment whatever may start starts, and what has run for its time, at most `lifetime`, ends. */
function startAll(demands: readonly Demand[], host: { hostMiB: number; lifetime: number }): Demand[] {
  const queue = [...demands];
  const started: Demand[] = [];
  const running: (Demand & { readonly endsAt: number })[] = [];
  const lastTurns = new Map<string, number>();
  const usedMiB = (group?: string) =>
    running.filter((one) => group === undefined || one.group === group).reduce((sum, one) => sum + one.memoryMiB, 0);
  for (let now = 0; now < 5_000 && queue.length > 0; now++) {
    for (const ended of running.filter(({ endsAt }) => endsAt <= now)) running.splice(running.indexOf(ended), 1);
    for (;;) {
      const asked = queue.filter(({ from = 0 }) => from <= now);
      const groups = [...new Set(asked.map(({ group }) => group))];
      const heads = groups.flatMap((group) => {
        const first = asked.find((one) => one.group === group);
        const lastTurn = lastTurns.get(group) ?? 0;
        return first ? [{ group, first, groupMiB: usedMiB(group) + first.memoryMiB, lastTurn }] : [];
      });
      const next = nextToStart(heads, ({ first }) => usedMiB() + first.memoryMiB <= host.hostMiB)?.first;
      if (next === undefined) break;
      queue.splice(queue.indexOf(next), 1);
      started.push(next);
      running.push({ ...next, endsAt: now + 1 + (started.length % host.lifetime) });
      lastTurns.set(next.group, started.length);
    }
  }
  return started;
}
