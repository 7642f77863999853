import fc from "fast-check";
import { expect, test } from "vitest";
import { type Demand, type Limits, type Load, memoryLimits, neverFits, waitsFor } from "./capacity.js";

const limits: Limits = {
  ...memoryLimits({ totalMiB: 8_192, reservedMiB: 1_024, overcommit: 1.5 }),
  cores: 2,
  concurrentStarts: 2,
};
const idle: Load = { committedMiB: 0, startingMiB: 0, starting: 0, availableMiB: 7_500 };
const demand: Demand = { memoryMiB: 2_048, cpuMillicores: 1_000 };

test("an idle host takes a sandbox at once", () => {
  expect(waitsFor(demand, idle, limits)).toBeUndefined();
});

test("no more start at once than the limit", () => {
  expect(waitsFor(demand, { ...idle, starting: 2 }, limits)).toMatch(/2 sandboxes are starting/);
});

test("memory is not promised beyond the overcommitted whole", () => {
  expect(limits.promisedMemoryMiB).toBe(10_752);
  expect(waitsFor(demand, { ...idle, committedMiB: 10_752 - 2_048 }, limits)).toBeUndefined();
  expect(waitsFor(demand, { ...idle, committedMiB: 10_752 - 2_047 }, limits)).toMatch(/2047 MiB are not promised/);
});

test("a host whose memory is in use makes creations wait, whoever uses it", () => {
  expect(waitsFor(demand, { ...idle, availableMiB: 3_072 }, limits)).toBeUndefined();
  expect(waitsFor(demand, { ...idle, availableMiB: 3_071 }, limits)).toMatch(/2047 MiB to spare/);
  expect(waitsFor(demand, { ...idle, availableMiB: 5_000, startingMiB: 2_048 }, limits)).toMatch(/to spare/);
});

test("what the host can never run is refused, with the field and what there is", () => {
  expect(neverFits({ memoryMiB: 7_168, cpuMillicores: 2_000 }, limits)).toBeUndefined();
  expect(neverFits({ memoryMiB: 7_169, cpuMillicores: 1_000 }, limits)).toEqual({
    field: "resources.memory",
    sentence: "The host has 7168 MiB of memory for sandboxes; this one needs 7169 MiB.",
  });
  expect(neverFits({ memoryMiB: 512, cpuMillicores: 4_000 }, limits)).toEqual({
    field: "resources.cpu",
    sentence: "The host has 2 cores; the sandbox needs 4.",
  });
});

const anyLoad = fc.record({
  committedMiB: fc.nat(20_000),
  startingMiB: fc.nat(8_000),
  starting: fc.nat(4),
  availableMiB: fc.nat(8_192),
});
const anyDemand = fc.record({
  memoryMiB: fc.integer({ min: 1, max: 40_000 }),
  cpuMillicores: fc.integer({ min: 1, max: 16_000 }),
});

test("what is admitted leaves every limit kept", () => {
  fc.assert(
    fc.property(anyDemand, anyLoad, (wanted, load) => {
      fc.pre(waitsFor(wanted, load, limits) === undefined);
      expect(load.committedMiB + wanted.memoryMiB).toBeLessThanOrEqual(limits.promisedMemoryMiB);
      expect(load.starting + 1).toBeLessThanOrEqual(limits.concurrentStarts);
      expect(load.availableMiB - load.startingMiB - wanted.memoryMiB).toBeGreaterThanOrEqual(limits.reservedMemoryMiB);
    }),
  );
});

test("a smaller demand or a lighter load never waits where a larger one does not", () => {
  fc.assert(
    fc.property(anyDemand, anyLoad, fc.nat(1_000), (wanted, load, less) => {
      fc.pre(waitsFor(wanted, load, limits) === undefined);
      const lighter = {
        ...load,
        committedMiB: Math.max(0, load.committedMiB - less),
        availableMiB: load.availableMiB + less,
      };
      expect(waitsFor({ ...wanted, memoryMiB: Math.max(1, wanted.memoryMiB - less) }, lighter, limits)).toBeUndefined();
    }),
  );
});

test("what fits at all starts on a host that is idle", () => {
  fc.assert(
    fc.property(anyDemand, (wanted) => {
      fc.pre(neverFits(wanted, limits) === undefined);
      const whole = { ...idle, availableMiB: limits.usableMemoryMiB + limits.reservedMemoryMiB };
      expect(waitsFor(wanted, whole, limits)).toBeUndefined();
    }),
  );
});
