import { expect, test } from "vitest";
import { busiest, MemoryWatch } from "./memory-watch.js";

const MiB = 1024 * 1024;

test("a process beyond its memory ends its busiest session each time, and itself when that does not help for five seconds", () => {
  const watch = new MemoryWatch();
  expect(watch.look(768 * MiB, 0)).toBe("nothing");
  for (const now of [1_000, 2_000, 5_900]) expect(watch.look(800 * MiB, now)).toBe("endBusiest");
  expect(watch.look(800 * MiB, 6_000)).toBe("endProcess");
});

test("one that came back within it has all its time again", () => {
  const watch = new MemoryWatch();
  expect(watch.look(800 * MiB, 0)).toBe("endBusiest");
  expect(watch.look(700 * MiB, 4_000)).toBe("nothing");
  expect(watch.look(800 * MiB, 6_000)).toBe("endBusiest");
  expect(watch.look(800 * MiB, 11_000)).toBe("endProcess");
});

test("the busiest session is the one with the most connections, and never one without any", () => {
  const connectionsOf = ({ connections }: { connections: number }) => connections;
  const [idle, few, many] = [{ connections: 0 }, { connections: 2 }, { connections: 3 }];
  expect(busiest([idle, few, many], connectionsOf)).toBe(many);
  expect(busiest([idle, { connections: 0 }], connectionsOf)).toBeUndefined();
});
