import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EgressDecision } from "@alcove/contract";
import { pino } from "pino";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../store/test-record.js";
import { DecisionFile } from "./decision-file.js";

const decision = (number: number): EgressDecision => ({
  timestamp: new Date(number).toISOString(),
  ...{ protocol: "https", host: `h${number}.test`, port: 443, verdict: "Deny", isEnforced: true },
  ...{ rule: "default", reason: "Nothing is allowed." },
});
const where = { group: "default", sandboxId: "a" };
const logger = pino({ level: "silent" });

test("every decision is a line, in a file that is put aside when it is large, and the oldest goes", async () => {
  using scratch = temporaryDirectory();
  const directory = join(scratch.path, "egress");
  const options = { directory, fileBytes: 1_000, files: 3, logger };
  const first = new DecisionFile(options);
  first.write(where, decision(0));
  await first.close();
  const second = new DecisionFile(options);
  for (let number = 1; number < 40; number++) {
    second.write(where, decision(number));
    await second.close();
  }
  const names = readdirSync(directory).sort();
  expect(names).toEqual(["decisions.jsonl", "decisions.jsonl.1", "decisions.jsonl.2"]);
  for (const name of names) {
    const { mode, size } = statSync(join(directory, name));
    expect([mode & 0o777, size <= 1_000]).toEqual([0o600, true]);
  }
  const lines = names.toReversed().flatMap((name) => readFileSync(join(directory, name), "utf8").trim().split("\n"));
  const hosts = lines.map((line) => JSON.parse(line).host);
  expect(hosts.at(-1)).toBe("h39.test");
  expect(hosts).toEqual(hosts.map((_, at) => `h${40 - hosts.length + at}.test`));
  expect(JSON.parse(lines.at(-1) ?? "")).toEqual({ ...where, ...decision(39) });
});

test("what cannot be written is counted, and told when there is room again", async () => {
  using scratch = temporaryDirectory();
  const directory = join(scratch.path, "egress");
  writeFileSync(directory, "in its place");
  const file = new DecisionFile({ directory, fileBytes: 1_000_000, files: 2, logger });
  file.write(where, decision(1));
  file.write(where, decision(2));
  await file.close();
  rmSync(directory);
  mkdirSync(directory);
  file.write(where, decision(3));
  await file.close();
  const lines = readFileSync(join(directory, "decisions.jsonl"), "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ host: "h3.test" }, { lost: 2 }]);
});

test("what was too much at once is a line with its number", async () => {
  using scratch = temporaryDirectory();
  const file = new DecisionFile({ directory: scratch.path, fileBytes: 1_000_000, files: 2, logger });
  file.write(where, decision(1));
  file.writeOmitted(where, 100);
  await file.close();
  const lines = readFileSync(join(scratch.path, "decisions.jsonl"), "utf8").trim().split("\n");
  const omitted = { timestamp: expect.any(String), ...where, omitted: 100 };
  expect(lines.map((line) => JSON.parse(line))).toEqual([{ ...where, ...decision(1) }, omitted]);
});

test("a flood takes no more memory than there is for it", async () => {
  using scratch = temporaryDirectory();
  const file = new DecisionFile({ directory: scratch.path, fileBytes: 100_000_000, files: 2, logger });
  const long = { ...decision(1), path: "/".repeat(100_000) };
  for (let number = 0; number < 200; number++) file.write(where, long);
  await file.close();
  const lines = readFileSync(join(scratch.path, "decisions.jsonl"), "utf8").trim().split("\n");
  const lost = lines.map((line) => JSON.parse(line).lost ?? 0).reduce((sum, count) => sum + count, 0);
  expect(lost).toBeGreaterThan(100);
  expect(lines.filter((line) => line.includes("timestamp")).length - 1 + lost).toBe(200);
});
