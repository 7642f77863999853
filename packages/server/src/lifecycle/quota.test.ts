import fc from "fast-check";
import { expect, test } from "vitest";
import { type Amounts, exceeds } from "./quota.js";

const used: Amounts = {
  cpuMillicores: 1_500,
  memoryMiB: 3_072,
  diskMiB: 40_960,
  sandboxes: 2,
  images: 1,
  snapshots: 0,
};
const asked = { cpuMillicores: 1_000, memoryMiB: 2_048, diskMiB: 20_480, sandboxes: 1 };

test("a group without a quota may have anything", () => {
  expect(exceeds({}, used, { ...asked, images: 1_000_000 })).toBeUndefined();
});

test.each([
  [{ cores: 2 }, "cores: 1.5 used, 1 asked for, and the limit is 2"],
  [{ memory: "5000Mi" }, "memory: 3Gi used, 2Gi asked for, and the limit is 5000Mi"],
  [{ disk: "0.05Ti" }, "disk: 40Gi used, 20Gi asked for, and the limit is 52429Mi"],
  [{ sandboxes: 2 }, "sandboxes: 2 used, 1 asked for, and the limit is 2"],
  [{ cores: 0 }, "cores: 1.5 used, 1 asked for, and the limit is 0"],
])("%j says what is used, what was asked for, and the limit", (quota, sentence) => {
  expect(exceeds(quota, used, asked)?.sentence).toBe(sentence);
});

test("the last that fits is let in", () => {
  const quota = { cores: 2.5, memory: "5Gi", disk: "60Gi", sandboxes: 3, images: 0 };
  expect(exceeds(quota, used, asked)).toBeUndefined();
  expect(exceeds(quota, used, { images: 1 })?.measure).toBe("images");
});

test("what is over its limit already keeps only more of itself from coming", () => {
  expect(exceeds({ disk: "0Gi", sandboxes: 0 }, used, { cpuMillicores: 4_000 })).toBeUndefined();
});

test("whatever comes in whatever order, nothing is let in beyond the quota, and nothing refused that fits", () => {
  const sizes = fc.array(fc.record({ cpuMillicores: fc.constantFrom(250, 500, 4_000), memoryMiB: fc.nat(9_000) }));
  fc.assert(
    fc.property(fc.nat(16), fc.nat(64), sizes, (cores, gibibytes, demands) => {
      const sum = { cpuMillicores: 0, memoryMiB: 0 };
      for (const demand of demands) {
        const refused = exceeds({ cores, memory: `${gibibytes}Gi` }, sum, demand) !== undefined;
        const next = {
          cpuMillicores: sum.cpuMillicores + demand.cpuMillicores,
          memoryMiB: sum.memoryMiB + demand.memoryMiB,
        };
        const fits =
          next.cpuMillicores <= cores * 1_000 && (demand.memoryMiB === 0 || next.memoryMiB <= gibibytes * 1_024);
        expect(refused).toBe(!fits);
        if (!refused) Object.assign(sum, next);
      }
    }),
  );
});
