/** What `Code` needs of a sandbox, with this machine's own interpreters in place of a sandbox's: for harmless snippets only. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { open, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { AlcoveError } from "@alcove/contract";
import { ByteStream, type CodeSandbox, type ExecEnd, type SpawnOptions } from "alcove";

export interface LocalSandbox extends CodeSandbox {
  /** Programs that run. */
  readonly running: ReadonlySet<ChildProcess>;
  /** Every file that was read or removed, and what is left. */
  readonly paths: Set<string>;
}

/** Where a version manager has put a script before python, that is asked once which one it starts, and not for each snippet. */
const python = await promisify(execFile)("python3", ["-c", "import sys; print(sys.executable)"]);
const path = `${dirname(python.stdout.trim())}:${process.env.PATH}`;

export function localSandbox(): LocalSandbox {
  const processes = new Map<string, ChildProcess>();
  const running = new Set<ChildProcess>();
  const paths = new Set<string>();
  const files = {
    async readStream(path: string, { length = 0 } = {}) {
      paths.add(path);
      const file = await open(path).catch(() => {
        throw new AlcoveError("FileNotFound");
      });
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, 0);
      await file.close();
      return new ByteStream(Readable.from([buffer.subarray(0, bytesRead)]));
    },
    async write(path: string, text: string) {
      paths.add(path);
      await writeFile(path, text);
    },
    async delete(path: string) {
      paths.add(path);
      await rm(path);
    },
  };
  const start = async ([program = "", ...args]: readonly string[], options: SpawnOptions) => {
    const { handle, child } = await startProcess(program, args, options);
    processes.set(handle.id, child);
    running.add(child);
    child.once("close", () => running.delete(child));
    return handle;
  };
  return {
    id: "local",
    running,
    paths,
    spawn: ((command: readonly string[], options: SpawnOptions = {}) => start(command, options)) as never,
    files: files as never,
    info: (async () => ({ sourcesRef: { diskImage: { name: "small" } } })) as never,
    execs: {
      async delete(id: string) {
        const { pid } = processes.get(id) ?? {};
        if (pid !== undefined) killGroup(pid);
      },
    } as never,
  };
}

async function startProcess(program: string, args: readonly string[], { cwd, env, timeoutMs, signal }: SpawnOptions) {
  // In a sandbox they are pipes; Node would make sockets of them.
  const piped = ["-c", 'exec "$@" < <(cat) > >(cat) 2> >(cat >&2)', "bash", program, ...args];
  const isThere = path.split(":").some((place) => existsSync(join(place, program)));
  const options = { cwd, env: { ...process.env, PATH: path, ...env }, detached: true, stdio: "pipe" } as const;
  const child = isThere ? spawn("bash", piped, options) : spawn(program, args, options);
  child.stdin.on("error", () => undefined);
  const end = ending(child, program, timeoutMs);
  signal?.addEventListener("abort", () => child.pid !== undefined && killGroup(child.pid));
  const missing = async function* () {
    yield new TextEncoder().encode(`${program}: not found\n`);
  };
  const handle = {
    id: crypto.randomUUID(),
    stdin: {
      write: async (text: string) => void child.stdin.write(text),
      end: async (text: string) => void child.stdin.end(text),
    },
    stdout: new ByteStream(isThere ? child.stdout : []),
    stderr: new ByteStream(isThere ? child.stderr : missing()),
    wait: () => end,
  };
  return { handle, child };
}

async function ending(child: ChildProcess, program: string, timeoutMs = 0): Promise<ExecEnd> {
  const common = { durationMs: 0, lostBytes: 0 };
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    if (child.pid !== undefined) killGroup(child.pid);
  }, timeoutMs || 600_000);
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    if (signal === null) return { exitCode: code ?? 0, timedOut, ...common };
    return { exitCode: 128 + 9, signal: signal.replace("SIG", ""), timedOut, ...common };
  } catch {
    return { exitCode: program === "" ? 1 : 127, timedOut, ...common };
  } finally {
    clearTimeout(timer);
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
