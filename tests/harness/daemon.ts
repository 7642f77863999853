/**
 * A real daemon for a test: its own runtime directory, and a data directory that is kept between test files, so that the
 * image and its templates are made once. Every test file leaves it without sandboxes. Files that run beside others have a
 * data directory of their own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Alcove, AlcoveError } from "alcove";
import { linkedData } from "../../bench/linked-data.js";
import { prepareTestImage } from "../../tools/dev/test-image.js";
import { linkTemplates } from "./linked-templates.js";

const checkout = fileURLToPath(new URL("../../", import.meta.url));
const program = join(checkout, "packages/server/bin/alcoved");
/** A run that is broken off leaves no daemon in the next one's way. */
const endWithThisProcess = ["--pdeathsig", "KILL", "--"];
export const sharedDataDirectory = process.env.ALCOVE_TEST_DATA_DIR ?? join(checkout, "build/test-data");
const imageTimeoutMs = 600_000;

export interface DaemonOptions {
  readonly dataDirectory?: string;
  /** A data directory for this daemon alone, with the images and templates of the one that test files share; removed at the end. */
  readonly hasOwnData?: boolean;
  readonly runtimeDirectory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Fulfil `start` also when the daemon ends before it answers. */
  readonly mayDie?: boolean;
  /** Runs it as this user instead of ours; only root can. Both directories have to be its own. */
  readonly userId?: number;
  /** Leave what is on record there. */
  readonly keepSandboxes?: boolean;
}

export class TestDaemon implements AsyncDisposable {
  readonly dataDirectory: string;
  readonly runtimeDirectory: string;
  readonly alcove: Alcove;
  readonly #options: DaemonOptions;
  #process: ChildProcess | undefined;
  #program = program;

  private constructor(dataDirectory: string, runtimeDirectory: string, options: DaemonOptions) {
    this.dataDirectory = dataDirectory;
    this.runtimeDirectory = runtimeDirectory;
    this.#options = options;
    this.alcove = new Alcove({ socketPath: join(runtimeDirectory, "alcoved.sock") });
  }

  static async start(options: DaemonOptions = {}): Promise<TestDaemon> {
    const isShared = options.dataDirectory === undefined;
    // No machine would start from the disk that the fake engine makes of a recipe, and it would be kept.
    const isFake = options.environment?.ALCOVE_ENGINE === "fake";
    if (isFake && isShared) await prepareTestImage(AbortSignal.timeout(imageTimeoutMs));
    const dataDirectory = options.hasOwnData ? await ownData(isFake) : (options.dataDirectory ?? sharedDataDirectory);
    await mkdir(dataDirectory, { recursive: true, mode: 0o711 });
    const runtimeDirectory = options.runtimeDirectory ?? (await mkdtemp(join(tmpdir(), "alcove-t-")));
    const daemon = new TestDaemon(dataDirectory, runtimeDirectory, options);
    await daemon.restart();
    // What a run left that was broken off.
    if (!daemon.hasEnded && options.keepSandboxes !== true) await daemon.deleteAll();
    return daemon;
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error("The daemon is not running.");
    return pid;
  }

  /** Environment for a program that is to use this daemon: the CLI, another SDK. */
  get clientEnvironment(): Record<string, string> {
    return { ALCOVE_RUNTIME_DIR: this.runtimeDirectory, ALCOVE_DATA_DIR: this.dataDirectory };
  }

  /** Starts it again after `kill` or `stop`. */
  async restart(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    const log = await open(this.logPath, "a");
    this.#process = spawn("setpriv", [...asUser(this.#options.userId), ...endWithThisProcess, this.#program], {
      stdio: ["ignore", log.fd, log.fd],
      env: { ...process.env, ...this.clientEnvironment, ...this.#options.environment, ...environment },
    });
    await log.close();
    await this.#answering();
  }

  /** Stops it and starts another build's in its place. */
  async replace(otherProgram: string): Promise<void> {
    await this.stop();
    this.#program = otherProgram;
    await this.restart();
  }

  get logPath(): string {
    return join(this.runtimeDirectory, "test-daemon.log");
  }

  log(): Promise<string> {
    return readFile(this.logPath, "utf8");
  }

  get hasEnded(): boolean {
    return this.#process === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Waits until it has ended by itself: a planted crash. */
  async ended(): Promise<void> {
    if (this.#process !== undefined && !this.hasEnded) await once(this.#process, "exit");
    this.#process = undefined;
  }

  /** As a power cut would: no farewell. */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.ended();
  }

  async stop(): Promise<void> {
    this.#process?.kill("SIGTERM");
    await this.ended();
  }

  async residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
  }

  /** Pools first, which would be filled again. An older build has none. */
  async deleteAll(): Promise<void> {
    const { pools, snapshots, volumes } = this.alcove.defaultGroup;
    await unlessUnknown(async () => {
      for (const { name } of await pools.list()) await pools.delete(name);
    });
    await unlessUnknown(async () => {
      for await (const { id } of snapshots.list()) await snapshots.delete(id);
    });
    const ids: string[] = [];
    for await (const sandbox of this.alcove.sandboxes.list()) ids.push(sandbox.id);
    await Promise.all(ids.map((id) => this.alcove.sandboxes.connect(id).delete()));
    await unlessUnknown(async () => {
      for (const { name } of await volumes.list()) await volumes.delete(name);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.hasEnded) await this.restart();
    await this.deleteAll();
    await this.stop();
    this.alcove[Symbol.dispose]();
    if (this.#options.runtimeDirectory === undefined) await rm(this.runtimeDirectory, { recursive: true, force: true });
    if (this.#options.hasOwnData) await rm(this.dataDirectory, { recursive: true, force: true });
  }

  async #answering(): Promise<void> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const answered = await this.alcove.version({ signal: AbortSignal.timeout(5_000) }).then(
        ({ pid }) => pid === this.#process?.pid,
        () => false,
      );
      if (answered) return;
      if (this.hasEnded && this.#options.mayDie) return;
      if (this.hasEnded || Date.now() > deadline) throw new Error(`The daemon did not come up:\n${await this.log()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function ownData(isFake: boolean): Promise<string> {
  const directory = await linkedData(sharedDataDirectory, "own");
  if (!isFake) await linkTemplates(sharedDataDirectory, directory);
  return directory;
}

function asUser(userId: number | undefined): string[] {
  return userId === undefined ? [] : [`--reuid=${userId}`, `--regid=${userId}`, "--clear-groups"];
}

/** An earlier build's daemon does not know of all that there is now. */
async function unlessUnknown(act: () => Promise<void>): Promise<void> {
  await act().catch((error: unknown) => {
    if (!(error instanceof AlcoveError) || error.code !== "RouteNotFound") throw error;
  });
}
