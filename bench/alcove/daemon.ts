/** A daemon for the bench alone, with the SDK and the CLI of this checkout pointed at it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Alcove } from "alcove";
import { checkout } from "../checkout.js";

export interface BenchDaemon {
  readonly alcove: Alcove;
  /** The daemon's log: a line of JSON each. */
  log(): Promise<string>;
  /** Ends the daemon and every sandbox that the bench has left. */
  stop(): Promise<void>;
}

const startDeadlineMs = 60_000;

/** The data directory is kept between runs, so that image and template are made once; the tests use it too. */
export const dataDirectory = process.env.ALCOVE_BENCH_DATA_DIR ?? join(checkout, "build/test-data");

export async function startDaemon(): Promise<BenchDaemon> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o711 });
  const runtimeDirectory = await mkdtemp(join(tmpdir(), "alcove-bench-"));
  process.env.ALCOVE_DATA_DIR = dataDirectory;
  process.env.ALCOVE_RUNTIME_DIR = runtimeDirectory;
  const removeRuntime = () => rm(runtimeDirectory, { recursive: true, force: true });
  const { alcove, isRunning, end } = await launchDaemon(runtimeDirectory, process.env).catch(async (error) => {
    await removeRuntime();
    throw error;
  });
  return {
    alcove,
    // Where standard error is a file the daemon keeps its log in the data directory.
    log: () => readFile(join(dataDirectory, "alcoved.log"), "utf8"),
    async stop() {
      if (isRunning()) {
        for await (const { id } of alcove.sandboxes.list()) await alcove.sandboxes.connect(id).delete();
      }
      await end();
      await removeRuntime();
    },
  };
}

/** Starts a daemon whose directories the environment says, and waits until it answers; what it says before that is in the error when it never does. */
export async function launchDaemon(
  runtimeDirectory: string,
  environment: NodeJS.ProcessEnv,
): Promise<{ readonly alcove: Alcove; isRunning(): boolean; end(): Promise<void> }> {
  const logPath = join(runtimeDirectory, "bench.log");
  const output = await open(logPath, "a");
  const program = join(checkout, "packages/server/bin/alcoved");
  const child = spawn(program, { env: environment, stdio: ["ignore", output.fd, output.fd] });
  await output.close();
  const alcove = new Alcove({ socketPath: join(runtimeDirectory, "alcoved.sock") });
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const end = async () => {
    alcove[Symbol.dispose]();
    if (!isRunning()) return;
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    await exit;
  };
  const deadline = performance.now() + startDeadlineMs;
  for (;;) {
    const failure = await alcove.health().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined) return { alcove, isRunning, end };
    if (!isRunning() || performance.now() > deadline) {
      const lines = (await readFile(logPath, "utf8")).trim().split("\n").slice(-10).join("\n");
      await end();
      throw new Error(`The daemon did not come up; its log ends with:\n${lines}`, { cause: failure });
    }
    await pause(10);
  }
}
