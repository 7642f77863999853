import { expect, test } from "vitest";
import { type BuildStep, stepOf } from "./build-progress.js";

test("progress only grows, and a package never takes it past the next phase", () => {
  const packages = Array.from({ length: 300 }, (_, index) => `Setting up package-${index} (1.0) ...`);
  const lines = [
    "I: running apt-get update...",
    "I: installing essential packages...",
    ...packages,
    "I: creating tarball...",
  ];
  const seen: BuildStep[] = [{ message: "", progress: 0 }];
  for (const line of lines) {
    const step = stepOf(line, seen.at(-1) as BuildStep);
    expect(step?.progress).toBeGreaterThanOrEqual(seen.at(-1)?.progress ?? 1);
    if (step !== undefined) seen.push(step);
  }
  expect(seen.at(-2)).toMatchObject({ message: "Setting up package-299" });
  expect(seen.at(-2)?.progress).toBeLessThan(0.5);
  expect(stepOf("Get:1 something", { message: "", progress: 0 })).toBeUndefined();
});
