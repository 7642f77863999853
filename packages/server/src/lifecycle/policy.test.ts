import { LifecyclePolicy, UpdateLifecycle } from "@alcove/contract";
import { expect, test } from "vitest";
import { changedPolicy, completePolicy } from "./policy.js";

const off = { autoSuspendPolicy: { enabled: false }, autoDeletePolicy: { enabled: false } };
const suspend = { enabled: true, interval: 300, mode: "Memory", keepAwake: ["execs"] };

test.each([
  { name: "nobody asked for anything", layers: [], policy: off },
  {
    name: "what an enabled part leaves out is ACA's",
    layers: [{ autoSuspendPolicy: { enabled: true }, autoDeletePolicy: { enabled: true } }],
    policy: {
      autoSuspendPolicy: suspend,
      autoDeletePolicy: { enabled: true, deleteIntervalInDays: 1, trigger: "AfterSuspend" },
    },
  },
  {
    name: "each part is its own, else its group's",
    layers: [
      { autoSuspendPolicy: { enabled: true, interval: 60, mode: "Disk", keepAwake: [] } },
      { autoSuspendPolicy: { enabled: false }, maximumLifetimeInSeconds: 9 },
    ],
    policy: {
      autoSuspendPolicy: { enabled: true, interval: 60, mode: "Disk", keepAwake: [] },
      autoDeletePolicy: { enabled: false },
      maximumLifetimeInSeconds: 9,
    },
  },
  {
    name: "its own off goes before its group's on",
    layers: [{ autoSuspendPolicy: { enabled: false } }, { autoSuspendPolicy: { enabled: true } }],
    policy: off,
  },
  {
    name: "seconds are not given days besides",
    layers: [{ autoDeletePolicy: { enabled: true, deleteIntervalInSeconds: 5 } }],
    policy: { ...off, autoDeletePolicy: { enabled: true, deleteIntervalInSeconds: 5, trigger: "AfterSuspend" } },
  },
] as const)("the policy where $name", ({ layers, policy }) => {
  const complete = completePolicy(...layers.map((layer) => LifecyclePolicy.parse(layer)));
  expect(complete).toEqual(policy);
  expect(LifecyclePolicy.parse(completePolicy(complete))).toEqual(policy);
});

test("an update replaces the parts that it names, and null takes the maximum lifetime away", () => {
  const present = completePolicy({ autoSuspendPolicy: { enabled: true }, maximumLifetimeInSeconds: 60 });
  expect(changedPolicy(present, { autoDeletePolicy: { enabled: true } })).toEqual({
    ...present,
    autoDeletePolicy: { enabled: true, deleteIntervalInDays: 1, trigger: "AfterSuspend" },
  });
  expect(changedPolicy(present, { maximumLifetimeInSeconds: 9 })).toEqual({ ...present, maximumLifetimeInSeconds: 9 });
  expect(changedPolicy(present, { maximumLifetimeInSeconds: null })).toEqual({
    autoSuspendPolicy: suspend,
    autoDeletePolicy: { enabled: false },
  });
});

test.each([
  [{ autoSuspend: {} }, "autoSuspend"],
  [{ autoSuspendPolicy: { enabled: true, interval: 0 } }, "interval"],
  [{ autoSuspendPolicy: { enabled: true, interval: 1.5 } }, "interval"],
  [{ autoSuspendPolicy: { interval: 60 } }, "enabled"],
  [{ autoSuspendPolicy: { enabled: true, mode: "memory" } }, "mode"],
  [{ autoSuspendPolicy: { enabled: true, keepAwake: ["ports"] } }, "keepAwake"],
  [{ autoDeletePolicy: { enabled: true, deleteIntervalInDays: 1, deleteIntervalInSeconds: 1 } }, "not both"],
  [{ autoDeletePolicy: { enabled: true, deleteIntervalInDays: 0, trigger: "AfterCreation" } }, "above 0"],
  [{ autoDeletePolicy: { enabled: true, trigger: "afterSuspend" } }, "trigger"],
  [{ maximumLifetimeInSeconds: -1 }, "maximumLifetimeInSeconds"],
])("%j is refused", (policy, named) => {
  expect(JSON.stringify(UpdateLifecycle.safeParse(policy).error?.issues)).toContain(named);
});
