/**
 * What `./dev check` looks at, and `./dev test` looks at first.
 *
 * To add a check: a line in `checkList`. It answers how many things passed and failed; a program that only fails or does
 * not counts as one.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { RunError, run } from "../../../packages/server/src/host/run.js";
import { buildDirectory, checkout } from "../checkout.js";
import { goEnvironment, withGoOnPath } from "../guest/go.js";
import { npmProgram } from "../show.js";
import { goFailures, goTally } from "./go-report.js";
import { type Tally, vitestTally } from "./tally.js";

export interface CheckContext {
  readonly go: string;
  /** Go tests that take long are left out. */
  readonly short: boolean;
  /** Fulfils when SQLite's driver is compiled. */
  readonly driver: Promise<void>;
  readonly signal: AbortSignal;
}

export interface CheckResult extends Tally {
  /** What to show when something failed. */
  readonly output: string;
}

export interface Check {
  readonly name: string;
  run(context: CheckContext): Promise<CheckResult>;
}

const agent = join(checkout, "agent");

/** The longest first: they run side by side. */
export const checkList: readonly Check[] = [
  { name: "Unit tests, boundaries, documents", run: fastTests },
  { name: "Agent's tests", run: goTests },
  { name: "Go vet, agent", run: (context) => goVet(context, "amd64") },
  { name: "Agent on arm64", run: agentOnArm },
  { name: "Go format", run: goFormat },
  { name: "Types", run: ({ signal }) => one(npmProgram("tsc"), ["-b"], { signal }) },
  { name: "Format and lint", run: ({ signal }) => one(npmProgram("biome"), ["ci", "--colors=off"], { signal }) },
  { name: "Unused code", run: ({ signal }) => one(npmProgram("knip"), [], { signal }) },
];

/** Some build the agent, with the Go that was found. */
async function fastTests({ driver, go, signal }: CheckContext): Promise<CheckResult> {
  await driver;
  const report = join(buildDirectory, "test-results/fast.json");
  await rm(report, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const args = ["run", "--project", "fast*", ...reporters];
  const result = await one(npmProgram("vitest"), args, { signal, environment: withGoOnPath(go) });
  const tally = await vitestTally(report).catch(() => result);
  return { ...tally, failed: tally.failed === 0 ? result.failed : tally.failed, output: result.output };
}

async function goTests({ go, short, signal }: CheckContext): Promise<CheckResult> {
  const args = ["test", "-json", ...(short ? ["-short"] : []), "./..."];
  const result = await one(go, args, { signal, workingDirectory: agent, environment: goEnvironment() });
  const tally = goTally(result.output);
  return { ...tally, failed: tally.failed === 0 ? result.failed : tally.failed, output: goFailures(result.output) };
}

function goVet({ go, signal }: CheckContext, arch: "amd64" | "arm64"): Promise<CheckResult> {
  const environment = { ...goEnvironment(), GOARCH: arch };
  return one(go, ["vet", "./..."], { signal, workingDirectory: agent, environment });
}

/** Compiling Go's own library for the other architecture takes a minute the first time: only in the long run. */
async function agentOnArm(context: CheckContext): Promise<CheckResult> {
  if (context.short) return { passed: 0, failed: 0, skipped: 0, output: "" };
  return goVet(context, "arm64");
}

async function goFormat({ go, signal }: CheckContext): Promise<CheckResult> {
  const result = await one(go.replace(/go$/, "gofmt"), ["-l", agent], { signal });
  const isClean = result.output.trim() === "";
  return isClean
    ? result
    : { passed: 0, failed: 1, skipped: 0, output: `Not formatted (./dev fix):\n${result.output}` };
}

/** A program that fails or does not. */
async function one(
  program: string,
  args: readonly string[],
  options: {
    readonly signal: AbortSignal;
    readonly workingDirectory?: string;
    readonly environment?: Readonly<Record<string, string | undefined>>;
  },
): Promise<CheckResult> {
  const captureLimitBytes = 16 * 1024 * 1024;
  try {
    const { stdout, stderr } = await run(program, args, { workingDirectory: checkout, captureLimitBytes, ...options });
    return { passed: 1, failed: 0, skipped: 0, output: stdout + stderr };
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    const { stdout, stderr } = error.output;
    return { passed: 0, failed: 1, skipped: 0, output: stdout + stderr || error.message };
  }
}
