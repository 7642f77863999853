import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { report } from "./failure.js";
import type { Terminal } from "./terminal.js";

function said(failure: unknown): string[] {
  const lines: string[] = [];
  const paint = { red: String, green: String, yellow: String, dim: String };
  const terminal = { say: (line: string) => lines.push(line), paint };
  report(failure, terminal as unknown as Terminal, "table");
  return lines;
}

test("what the file system refuses is told with the path and what to do next", async () => {
  const failure = await readFile("/nonexistent/tools.tar").catch((error: unknown) => error);
  expect(said(failure)).toEqual([
    "error: There is no such file or directory: /nonexistent/tools.tar",
    "hint: Look at the path; it counts from the directory that you are in.",
  ]);
});

test("field and value are told once", () => {
  const value = '"Bad Ref"';
  const told = Object.assign(new Error(`name must be a name; got ${value}.`), { field: "name", value });
  expect(said(told)).toEqual([`error: ${told.message}`]);
  const untold = Object.assign(new Error("It is too large."), { field: "name", value: "x" });
  expect(said(untold)).toEqual(['error: It is too large. (name: "x")']);
});
