import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { watchArrival } from "./arrival.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alcove-arrival-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const idle = new AbortController().signal;
const from = "The registry registry.example.com";
const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error("ended"))));
const options = () => ({ directory, from, signal: idle, expectedBytes: 10, onBytes: () => undefined, stallMs: 400 });

test("what comes in time is left alone, and told", async () => {
  const told: number[] = [];
  const work = async () => {
    for (let times = 0; times < 4; times += 1) {
      await appendFile(join(directory, "blob"), "ab");
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    return "done";
  };
  expect(await watchArrival(work, { ...options(), onBytes: (bytes) => told.push(bytes) })).toBe("done");
  expect(told.at(-1)).toBe(8);
});

test("silence ends the work, with what had come", async () => {
  await appendFile(join(directory, "blob"), "abc");
  await expect(watchArrival(untilAborted, options())).rejects.toMatchObject({
    code: "Timeout",
    message: `${from} sent nothing for 0.4 s, after 3 bytes.`,
  });
});

test("more than was announced ends the work", async () => {
  await appendFile(join(directory, "blob"), Buffer.alloc(9 * 1_048_576));
  await expect(watchArrival(untilAborted, options())).rejects.toThrow("more than the 10 bytes that it announced");
});

test("the caller's own end is passed on", async () => {
  await expect(watchArrival(untilAborted, { ...options(), signal: AbortSignal.timeout(50) })).rejects.toThrow(
    "timeout",
  );
});
