import { UpdateLifecycle } from "@alcove/contract";
import { Command } from "commander";
import { expect, test } from "vitest";
import { addLifecycleOptions, type LifecycleOptions, newPolicy, policyChanges } from "./lifecycle-options.js";

function parsed(...words: string[]): LifecycleOptions {
  const silent = { writeErr: () => undefined };
  return addLifecycleOptions(new Command().exitOverride().configureOutput(silent))
    .parse(words, { from: "user" })
    .opts();
}

const present = { autoSuspendPolicy: { enabled: true, interval: 60, mode: "Disk" as const } };

test.each([
  [[], {}],
  [["--suspend-after", "10m"], { autoSuspendPolicy: { enabled: true, interval: 600, mode: "Disk" } }],
  [["--suspend-after", "never"], { autoSuspendPolicy: { enabled: false, interval: 60, mode: "Disk" } }],
  [["--suspend-mode", "memory"], { autoSuspendPolicy: { enabled: true, interval: 60, mode: "Memory" } }],
  [["--keep-awake", "none"], { autoSuspendPolicy: { ...present.autoSuspendPolicy, keepAwake: [] } }],
  [["--keep-awake", "cpu,execs"], { autoSuspendPolicy: { ...present.autoSuspendPolicy, keepAwake: ["cpu", "execs"] } }],
  [
    ["--delete-after", "1d"],
    { autoDeletePolicy: { enabled: true, deleteIntervalInSeconds: 86_400, trigger: "AfterSuspend" } },
  ],
  [["--delete-after", "never"], { autoDeletePolicy: { enabled: false } }],
  [["--maximum-lifetime", "never"], { maximumLifetimeInSeconds: null }],
])("%j changes its part and leaves what stays of it", (words, changes) => {
  expect(UpdateLifecycle.parse(policyChanges(parsed(...words), present))).toEqual(changes);
});

test("a new policy has what is given, and is none where nothing is", () => {
  expect(newPolicy(parsed())).toBeUndefined();
  expect(newPolicy(parsed("--suspend-after", "500ms", "--maximum-lifetime", "2h"))).toEqual({
    autoSuspendPolicy: { enabled: true, interval: 1 },
    maximumLifetimeInSeconds: 7_200,
  });
  expect(() => newPolicy(parsed("--suspend-mode", "disk"))).toThrow("--suspend-mode says nothing without a time.");
});

test.each([
  ["--suspend-after", "ten"],
  ["--suspend-mode", "None"],
  ["--keep-awake", "execs,ports"],
  ["--delete-after", "0d"],
])("%s %s is refused", (option, value) => {
  expect(() => parsed(option, value)).toThrow(option);
});
