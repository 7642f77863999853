/** Every exit code of the table is seen, by the launcher where it does the command, and by Node. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { exitCodes } from "@alcove/cli/exit-codes";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";
import { type CliOptions, type Entry, entries, runCli } from "./run-cli.js";

const scratch = mkdtempSync(join(tmpdir(), "alcove-codes-"));
let daemon: TestDaemon;
let id: string;
const cli = (words: readonly string[], options: Partial<CliOptions> = {}) =>
  runCli(words, { environment: daemon.clientEnvironment, ...options });

beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true, environment: { ALCOVE_ENGINE: "fake" } });
  id = (await cli(["create", "debian"])).stdout.trim();
  writeFileSync(join(scratch, "data"), "no program", { mode: 0o644 });
  await cli(["cp", join(scratch, "data"), `${id}:/root/data`]);
}, 600_000);
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});

async function shell(script: string): Promise<{ code: number }> {
  const env = { ...process.env, ...daemon.clientEnvironment };
  const failure = await promisify(execFile)("bash", ["-c", script], { env }).catch((error: unknown) => error);
  return { code: 0, ...(failure as object) };
}

const ways: Readonly<Record<keyof typeof exitCodes, (entry: Entry) => Promise<{ code: number | null }>>> = {
  ok: (entry) => cli(["exec", id, "true"], { entry }),
  error: (entry) => cli(["get", "00000000-0000-4000-8000-000000000000"], { entry }),
  usage: (entry) => cli(["exec", "--nosuch", id, "true"], { entry }),
  timedOut: (entry) => cli(["exec", "-t", "100ms", id, "sleep", "600"], { entry }),
  execFailed: (entry) => cli(["exec", "00000000-0000-4000-8000-000000000000", "true"], { entry }),
  notExecutable: (entry) => cli(["exec", id, "/root/data"], { entry }),
  notFound: (entry) => cli(["exec", id, "nosuchprogram"], { entry }),
  interrupted: (entry) =>
    cli(["api", "--include", "GET", "/v1/groups/default/events"], {
      entry,
      onStart: (child) => child.stdout?.once("data", () => child.kill("SIGINT")),
    }),
  brokenPipe: (entry) => shell(`"${entries[entry]}" exec ${id} yes | head -c 1; exit $PIPESTATUS`),
};

describe.each<Entry>(["launcher", "node"])("by the %s", (entry) => {
  test.each(Object.keys(exitCodes) as (keyof typeof exitCodes)[])("%s", async (name) => {
    expect((await ways[name](entry)).code).toBe(exitCodes[name]);
  });

  test("any: the program's own code, and 128 + n when a signal ended it", async () => {
    expect((await cli(["exec", id, "--", "sh", "-c", "exit 77"], { entry })).code).toBe(77);
    const ended = await cli(["exec", id, "--", "sh", "-c", "echo ready; sleep 600"], {
      entry,
      onStart: (child) => child.stdout?.once("data", () => child.kill("SIGTERM")),
    });
    expect(ended.code).toBe(143);
  });
});
