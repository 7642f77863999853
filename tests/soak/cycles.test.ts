/** Hundreds of sandboxes one after the other: what grows slowly shows here. */
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { census, nothing } from "../harness/census.js";
import { TestDaemon } from "../harness/daemon.js";
import "./meta.js";

const cycles = 500;
const allowedGrowthBytes = 30 * 1_048_576;

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

test(`${cycles} sandboxes leave nothing, and the daemon stays as small as after the first hundred`, async ({
  task,
}) => {
  task.meta.accelerator = (await daemon.alcove.health()).accelerator;
  let after100 = 0;
  for (let cycle = 1; cycle <= cycles; cycle += 1) {
    await using sandbox = await Sandbox.create({ image: "debian", alcove: daemon.alcove, memory: "512Mi" });
    expect((await sandbox.exec(`echo ${cycle}`)).stdout).toBe(`${cycle}\n`);
    if (cycle === 100) after100 = await daemon.residentBytes();
  }
  const grown = (await daemon.residentBytes()) - after100;
  console.log(`The daemon grew by ${(grown / 1_048_576).toFixed(1)} MB between cycle 100 and cycle ${cycles}.`);
  expect(grown).toBeLessThanOrEqual(allowedGrowthBytes);
  expect(await census(daemon)).toEqual(nothing);
});
