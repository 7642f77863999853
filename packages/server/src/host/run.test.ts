import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { waitFor } from "../lib/backoff.js";
import { RunError, run } from "./run.js";

async function errorOf(promise: Promise<unknown>): Promise<RunError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RunError);
  return error as RunError;
}

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

test("output of both streams is captured apart, and input is fed", async () => {
  const result = await run("sh", ["-c", "cat; echo problem >&2"], { input: "in" });
  expect(result).toMatchObject({ stdout: "in", stderr: "problem\n" });
});

test("lines come as they are written, the last one without its newline too", async () => {
  const lines: string[] = [];
  await run("printf", ["a\\nb\\nc"], { onLine: (line, stream) => lines.push(`${stream} ${line}`) });
  expect(lines).toEqual(["stdout a", "stdout b", "stdout c"]);
});

test("only the newest output is kept", async () => {
  const { stdout } = await run("sh", ["-c", "seq 1 100000"], { captureLimitBytes: 100 });
  expect(stdout).toHaveLength(100);
  expect(stdout.endsWith("99999\n100000\n")).toBe(true);
});

test("a failure names the program, its exit code and its last lines", async () => {
  const error = await errorOf(run("sh", ["-c", "echo no such moon >&2; exit 3"]));
  expect(error.message).toBe("sh ended with exit code 3; its last lines:\nno such moon");
  expect(error).toMatchObject({ reason: "Failed", exitCode: 3 });
});

test("a missing program is said to be missing", async () => {
  const error = await errorOf(run("no-such-program", []));
  expect(error.message).toBe("no-such-program could not be started: there is no such program");
  expect(error.reason).toBe("NotFound");
});

test("it is missing as well where a directory in PATH may not be entered", async () => {
  // Root may enter any. A file that is no program has the system say the same: EACCES.
  const closed = await mkdtemp(join(tmpdir(), "closed-"));
  await writeFile(join(closed, "no-such-program"), "", { mode: 0o644 });
  const error = await errorOf(run("no-such-program", [], { environment: { PATH: closed } }));
  await rm(closed, { recursive: true });
  expect(error.message).toBe("no-such-program could not be started: there is no such program");
});

test("when the time is over the whole group ends, even one that ignores SIGTERM", async () => {
  const pids: number[] = [];
  const script = "trap '' TERM; sleep 60 & echo $$; echo $!; wait; wait";
  const error = await errorOf(
    run("sh", ["-c", script], { timeoutMs: 300, killGraceMs: 200, onLine: (line) => pids.push(Number(line)) }),
  );
  expect(error.reason).toBe("TimedOut");
  expect(error.message).toContain("sh had not ended after 300 ms");
  expect(pids).toHaveLength(2);
  // A kill counts when the kernel gets to it.
  await waitFor(() => (pids.some(isAlive) ? undefined : true), AbortSignal.timeout(20_000));
});

test("an abort ends the program and throws the signal's reason", async () => {
  const abort = new AbortController();
  let pid = 0;
  const running = run("sleep", ["60"], {
    signal: abort.signal,
    onStart: (started) => {
      pid = started;
      abort.abort(new Error("not wanted any more"));
    },
  });
  await expect(running).rejects.toThrow("not wanted any more");
  expect(isAlive(pid)).toBe(false);
});

test("a process that left the group and holds the output open keeps nobody waiting", async () => {
  let escaped = 0;
  const script = "setsid sh -c 'echo $$; exec sleep 60' & wait";
  const error = await errorOf(
    run("sh", ["-c", script], { timeoutMs: 300, killGraceMs: 100, onLine: (line) => (escaped = Number(line)) }),
  );
  expect(error.reason).toBe("TimedOut");
  process.kill(escaped, "SIGKILL");
});

test("nothing is started after an abort", async () => {
  let started = false;
  const running = run("true", [], { signal: AbortSignal.abort(), onStart: () => (started = true) });
  await expect(running).rejects.toThrow();
  expect(started).toBe(false);
});
