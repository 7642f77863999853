import fc from "fast-check";
import { expect, test } from "vitest";
import {
  CpuQuantity,
  DiskQuantity,
  defaultSize,
  grid,
  MemoryQuantity,
  parseCpu,
  parseMiB,
  roundUp,
  tiers,
} from "./sizes.js";

const wanted = fc.record({
  cpuMillicores: fc.integer({ min: 1, max: 16_000 }),
  memoryMiB: fc.integer({ min: 1, max: 32_768 }),
  diskMiB: fc.integer({ min: 1, max: 163_840 }),
});

test("a size is rounded up to the nearest point of the grid, and no further", () => {
  fc.assert(
    fc.property(wanted, (size) => {
      const given = roundUp(size);
      for (const name of ["cpuMillicores", "memoryMiB", "diskMiB"] as const) {
        const points: readonly number[] = grid[name];
        expect(points).toContain(given[name]);
        expect(given[name]).toBeGreaterThanOrEqual(size[name]);
        expect(points.filter((point) => point >= size[name] && point < given[name])).toEqual([]);
      }
    }),
  );
});

test("rounding twice is rounding once", () => {
  fc.assert(fc.property(wanted, (size) => void expect(roundUp(roundUp(size))).toEqual(roundUp(size))));
});

test("what is not asked for is tier M", () => {
  expect(roundUp({})).toEqual(defaultSize);
});

test.each(Object.entries(tiers))("tier %s is a point of the grid", (_name, tier) => {
  expect(roundUp(tier)).toEqual(tier);
});

test("every accepted quantity fits into the grid", () => {
  const decimals = fc.tuple(fc.nat(40), fc.nat(999)).map(([whole, part]) => `${whole}.${part}`);
  fc.assert(
    fc.property(decimals, fc.constantFrom("Mi", "Gi"), (number, unit) => {
      if (CpuQuantity.safeParse(number).success)
        expect(() => roundUp({ cpuMillicores: parseCpu(number) })).not.toThrow();
      if (MemoryQuantity.safeParse(number + unit).success) {
        expect(() => roundUp({ memoryMiB: parseMiB(number + unit) })).not.toThrow();
      }
    }),
  );
});

test.each([
  ["500m", 500],
  ["0.5", 500],
  ["2", 2_000],
  ["16", 16_000],
])("%s of a processor is %i millicores", (text, millicores) => {
  expect(CpuQuantity.parse(text)).toBe(text);
  expect(parseCpu(text)).toBe(millicores);
});

test.each(["0", "0m", "-1", "17", "16001m", "1e3", "1.0000", "", " 1", "Infinity"])(
  "%j is no amount of a processor",
  (text) => {
    expect(CpuQuantity.safeParse(text).success).toBe(false);
  },
);

test.each(["0Mi", "512", "512MB", "33Gi", "-1Gi", "1e3Mi"])("%j is no amount of memory", (text) => {
  expect(MemoryQuantity.safeParse(text).success).toBe(false);
});

test("a disk has at most 160Gi", () => {
  expect(DiskQuantity.safeParse("160Gi").success).toBe(true);
  expect(DiskQuantity.safeParse("160.001Gi").success).toBe(false);
});
