/** The daemon of this machine: where its socket is, and how it is started when nobody listens. Only in Node. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, mkdir, open, readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { text as streamText } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { getHealth } from "@alcove/contract";
import { backOff } from "./back-off.js";
import { call } from "./call.js";
import { StartError } from "./errors.js";
import { createNodeTransport } from "./transport-node.js";

/** An optional peer: those who only talk to other machines' daemons need none here. */
const daemonModule = "@alcove/server/daemon";
const startDeadlineMs = 30_000;
/** So long another program's daemon may take, after ours gave way to it. */
const yieldedMs = 3_000;
const shownLines = 10;
/** What earlier daemons said is kept up to here. */
const wordsLimitBytes = 65_536;

/** $ALCOVE_SOCKET, else alcoved.sock in the runtime directory. */
export function localSocketPath(): string {
  return process.env.ALCOVE_SOCKET || join(runtimeDirectory(), "alcoved.sock");
}

/** $ALCOVE_RUNTIME_DIR, else /run/alcove as root, else $XDG_RUNTIME_DIR/alcove, else /tmp/alcove-UID. */
export function runtimeDirectory(): string {
  const { ALCOVE_RUNTIME_DIR, XDG_RUNTIME_DIR } = process.env;
  if (ALCOVE_RUNTIME_DIR) return ALCOVE_RUNTIME_DIR;
  const { uid } = userInfo();
  if (uid === 0) return "/run/alcove";
  return XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, "alcove") : `/tmp/alcove-${uid}`;
}

/**
 * Starts the daemon apart from this process and waits until it answers. Two programs that do this at once start one: the
 * daemon that comes second finds the lock of the first and ends, and both programs are answered by the first.
 *
 * What it says before its log is open, and when it fails without one, is in alcoved.stderr; its log is in its data directory.
 */
export async function startLocalDaemon(): Promise<void> {
  const directory = runtimeDirectory();
  const program = daemonProgram();
  await ownDirectory(directory);
  const wordsPath = join(directory, "alcoved.stderr");
  const words = await open(wordsPath, (await isSmall(wordsPath)) ? "a" : "w", 0o600);
  const daemon = spawn(program, {
    detached: true,
    stdio: ["ignore", words.fd, words.fd],
    cwd: "/",
    env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH ?? "/usr/bin:/bin"}` },
  });
  daemon.unref();
  await words.close();
  const failed = once(daemon, "error").then(([error]) => Promise.reject(error));
  await Promise.race([answering(() => daemon.exitCode ?? daemon.signalCode), failed]).catch(async (error: unknown) => {
    throw new StartError(`The daemon did not come up: ${text(error)}\n${await lastLines(wordsPath)}`, error);
  });
}

/**
 * Puts a backup in the place of the database of this machine's daemon, which must not run. Answers what was done, in a
 * sentence; `force` replaces a database that is there.
 */
export async function restoreLocalBackup(path: string, options: { readonly force?: boolean } = {}): Promise<string> {
  const args = ["--restore", resolve(path), ...(options.force === true ? ["--force"] : [])];
  const program = spawn(daemonProgram(), args, { stdio: ["ignore", "pipe", "pipe"] });
  const started = once(program, "spawn");
  const said = Promise.all([streamText(program.stdout), streamText(program.stderr), once(program, "close")]);
  await Promise.all([started, said]).catch((error: unknown) => {
    throw new StartError(`The daemon's program could not be run: ${text(error)}`, error);
  });
  const [answer, complaint, [exitCode]] = await said;
  if (exitCode !== 0) throw new Error(complaint.trim().replace(/^alcoved: /, ""));
  return answer.trim();
}

/** Waits until a daemon answers /v1/health, ours or one that another program started. */
async function answering(exit: () => number | string | null): Promise<void> {
  const signal = AbortSignal.timeout(startDeadlineMs);
  const transport = createNodeTransport({ address: { socketPath: localSocketPath() } });
  try {
    let endedAt: number | undefined;
    for (let attempt = 1; ; attempt += 1) {
      const exited = exit();
      if (exited !== null) endedAt ??= Date.now();
      try {
        await call(transport, getHealth, { params: {}, signal });
        return;
      } catch (error) {
        if (signal.aborted) throw new Error(`It did not answer within ${startDeadlineMs / 1_000} s.`, { cause: error });
        if (endedAt !== undefined && Date.now() - endedAt > yieldedMs)
          throw new Error(`It ended with ${exited}.`, { cause: error });
      }
      await backOff(Math.min(attempt, 3), undefined);
    }
  } finally {
    transport.close();
  }
}

/** $ALCOVE_DAEMON, else the installed server's. */
function daemonProgram(): string {
  if (process.env.ALCOVE_DAEMON) return process.env.ALCOVE_DAEMON;
  try {
    return fileURLToPath(import.meta.resolve(daemonModule));
  } catch (error) {
    throw new StartError(
      "No daemon runs and none is installed: `npm install @alcove/server`, or set ALCOVE_DAEMON.",
      error,
    );
  }
}

/** The runtime directory, ours alone: in /tmp somebody else may have made it first. */
async function ownDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const { uid } = userInfo();
  const found = await lstat(path);
  if (found.isDirectory() && found.uid === uid) return;
  throw new StartError(`The runtime directory ${path} is not a directory of uid ${uid}.`);
}

async function isSmall(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return (found?.size ?? 0) < wordsLimitBytes;
}

async function lastLines(path: string): Promise<string> {
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n").slice(-shownLines);
  return [`The last lines of ${path}:`, ...lines].join("\n");
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
