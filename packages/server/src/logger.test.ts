import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { boundedFile } from "./logger.js";
import { temporaryDirectory } from "./store/test-record.js";

test("a log file is put aside at its limit, so that two of them are all there ever is", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "alcoved.log");
  const file = boundedFile(path, 100);
  for (let line = 0; line < 100; line++) {
    file.write(`line ${line} ........\n`);
    await setImmediate();
  }
  expect(readFileSync(path, "utf8")).toMatch(/line 99 /);
  expect(statSync(path).size).toBeLessThanOrEqual(100);
  expect(statSync(`${path}.1`).size).toBeLessThanOrEqual(100);
  const again = boundedFile(path, 100);
  again.write(`${"x".repeat(90)}\n`);
  expect(readFileSync(`${path}.1`, "utf8")).toMatch(/line 99 /);
});
