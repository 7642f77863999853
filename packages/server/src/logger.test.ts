import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { boundedFile } from "./log-file.js";
import { bounded, inText, withPriority } from "./log-record.js";
import { createLogger } from "./logger.js";
import { temporaryDirectory } from "./store/test-record.js";

const at = Date.UTC(2026, 0, 31, 12);
const record = (fields: object) => `${JSON.stringify({ level: 30, time: at, pid: 1, hostname: "h", ...fields })}\n`;

test("a log file is put aside at its limit, so that two of them are all there ever is", () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "alcoved.log");
  const file = boundedFile(path, 100);
  for (let line = 0; line < 100; line++) file.write(`line ${line} ........\n`);
  expect(readFileSync(path, "utf8")).toMatch(/line 99 /);
  expect(statSync(path).size).toBeLessThanOrEqual(100);
  expect(statSync(`${path}.1`).size).toBeLessThanOrEqual(100);
  const again = boundedFile(path, 100);
  again.write(`${"x".repeat(90)}\n`);
  expect(readFileSync(`${path}.1`, "utf8")).toMatch(/line 99 /);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a full disk costs records, never the daemon, and is told when there is room again", () => {
  using directory = temporaryDirectory();
  const full = boundedFile("/dev/full", 100);
  const roomy = boundedFile(join(directory.path, "alcoved.log"), 10_000);
  let isFull = true;
  const options = { logLevel: "info", logFormat: "text", logDestination: "file", dataDirectory: "/" } as const;
  const logger = createLogger(options, (line) => (isFull ? full : roomy).write(line));
  logger.info("one");
  logger.info("two");
  isFull = false;
  logger.info({ sandbox: "abc" }, "three");
  const [three, told, ...more] = readFileSync(join(directory.path, "alcoved.log"), "utf8").trimEnd().split("\n");
  expect(three).toMatch(/^\S+Z info {2}three sandbox=abc$/);
  expect(told).toMatch(/^\S+Z warn {2}Records of the log were lost; .+ records=2$/);
  expect(more).toEqual([]);
});

test("a record of any size is cut to a bound, and stays a record", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 0, max: 20_000 }), (piece, times) => {
      const given = record({ level: 50, msg: piece.repeat(times).slice(0, 100_000), err: { stack: piece } });
      const kept = bounded(given);
      expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(32 * 1_024);
      expect(kept.indexOf("\n")).toBe(kept.length - 1);
      expect(JSON.parse(kept)).toMatchObject({ level: 50, time: at });
    }),
    { numRuns: 200 },
  );
  expect(JSON.parse(bounded(record({ msg: "m".repeat(1_000_000) })))).toMatchObject({
    msg: `${"m".repeat(1_000)}…`,
    cutFromBytes: expect.any(Number),
  });
});

test("text is one line a record whatever it says", () => {
  expect(inText(record({ msg: "Machine started", sandbox: "a-b", timings: { bootMs: 3 } }))).toBe(
    '2026-01-31T12:00:00.000Z info  Machine started sandbox=a-b timings={"bootMs":3}\n',
  );
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("a", "\n", "\r", "\u001b", "\u2028", "\u202e")).map((parts) => parts.join("")),
      (hostile) => {
        const line = inText(record({ msg: hostile, value: hostile, err: { stack: `${hostile}\nat x` } }));
        expect(line.trimEnd()).not.toMatch(/\p{Cc}|\p{Zl}|\p{Cf}/u);
        expect(line.endsWith("\n")).toBe(true);
      },
    ),
  );
});

test("the journal gets the priority of each level", () => {
  const prefixes = [10, 20, 30, 40, 50, 60].map((level) => withPriority(record({ level }), "x\n"));
  expect(prefixes).toEqual(["<7>x\n", "<7>x\n", "<6>x\n", "<4>x\n", "<3>x\n", "<2>x\n"]);
});
