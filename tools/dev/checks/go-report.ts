/** What `go test -json` says. Lines that are not JSON are the compiler's. */
import { z } from "zod";
import type { Tally } from "./tally.js";

const GoEvent = z.object({
  Action: z.string(),
  Package: z.string().default(""),
  Test: z.string().optional(),
  Output: z.string().optional(),
});
type GoEvent = z.infer<typeof GoEvent>;

/** Tests, not their parts. A package that could not be built or broke off counts as one failed test. */
export function goTally(output: string): Tally {
  const events = eventsOf(output);
  const count = (action: string) =>
    events.filter((event) => event.Action === action && event.Test !== undefined && !event.Test.includes("/")).length;
  const failedPackages = events.filter((event) => event.Action === "fail" && event.Test === undefined).length;
  const failed = count("fail");
  return { passed: count("pass"), failed: failed === 0 ? failedPackages : failed, skipped: count("skip") };
}

/** What was printed by the compiler, by tests that did not end well, and by their packages. */
export function goFailures(output: string): string {
  const events = eventsOf(output);
  const passed = new Set(events.filter(({ Action }) => Action === "pass" || Action === "skip").map(subject));
  const telling = events.filter((event) => event.Output !== undefined && !passed.has(subject(event)));
  return [...compilerLines(output), ...telling.map((event) => event.Output ?? "")].join("");
}

function subject({ Package, Test }: GoEvent): string {
  return `${Package} ${Test ?? ""}`;
}

function eventsOf(output: string): readonly GoEvent[] {
  return output.split("\n").flatMap((line) => (line.startsWith("{") ? [GoEvent.parse(JSON.parse(line))] : []));
}

function compilerLines(output: string): readonly string[] {
  return output.split("\n").flatMap((line) => (line.startsWith("{") || line === "" ? [] : [`${line}\n`]));
}
