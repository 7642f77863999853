/**
 * Starts a worker: a process of Node's that runs one module for this one, takes messages and sockets, and ends when this one does. It has
 * no environment but what Node needs, nothing open but its channel, a bound on its memory, stands behind this process in all that is scarce, and gets no
 * rights by programs that it starts.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { setPriority } from "node:os";
import { fileURLToPath } from "node:url";

export interface WorkerOptions {
  /** The module; one in TypeScript is run by tsx, as in tests. */
  readonly module: URL;
  readonly memoryMiB: number;
  /** Threads for what Node cannot do without: lookups of names, files. */
  readonly threads: number;
  /** 5 when left out. */
  readonly niceness?: number;
}

export interface Worker {
  readonly pid: number | undefined;
  /** A socket goes over to the worker, whatever becomes of it. Messages keep their order. */
  send(message: object, socket?: Socket): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Fulfils when it is gone, with a sentence on how; never rejects. */
  readonly ended: Promise<string>;
  /** Ends it: by itself where it can in time. */
  end(): Promise<void>;
}

const endGraceMs = 2_000;
const lastWordsBytes = 4_096;
/** The kernel ends it before the daemon and after machines of the same size. */
const outOfMemoryScore = "300";
const usualNiceness = 5;

export function startWorker({ module, memoryMiB, threads, niceness = usualNiceness }: WorkerOptions): Worker {
  const child = fork(fileURLToPath(module), [], {
    // Node cannot ask the kernel for that; setpriv does, and becomes Node. Without a PATH it is looked for in /bin and /usr/bin.
    execPath: "setpriv",
    execArgv: ["--no-new-privs", "--", process.execPath, ...runnerOf(module), `--max-old-space-size=${memoryMiB}`],
    cwd: "/",
    env: { UV_THREADPOOL_SIZE: `${threads}` },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    serialization: "json",
  });
  standBehind(child, niceness);
  const underWay = new Set<Socket>();
  const ended = ending(child).then((how) => {
    for (const socket of underWay) socket.destroy();
    return how;
  });
  return {
    pid: child.pid,
    ended,
    send: (message, socket) =>
      socket === undefined ? tell(child, message) : handOver(child, { message, socket, underWay }),
    onMessage: (listener) => void child.on("message", listener),
    async end() {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill("SIGKILL"), endGraceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

function runnerOf(module: URL): readonly string[] {
  return module.pathname.endsWith(".ts") ? ["--import", import.meta.resolve("tsx")] : [];
}

function tell(child: ChildProcess, message: object): void {
  if (child.connected) child.send(message, () => {});
}

/**
 * The socket stays open here until it was sent, and is closed by us: Node, left to close it, leaves open for ever the one that was on its
 * way when the worker died, and whoever is at its other end would wait for that.
 */
function handOver(
  child: ChildProcess,
  { message, socket, underWay }: { message: object; socket: Socket; underWay: Set<Socket> },
): void {
  const sent = () => {
    underWay.delete(socket);
    socket.destroy();
  };
  if (!child.connected || socket.destroyed) {
    sent();
    return;
  }
  underWay.add(socket);
  child.send(message, socket, { keepOpen: true }, sent);
}

/** As far as this user may. */
function standBehind({ pid }: ChildProcess, niceness: number): void {
  if (pid === undefined) return;
  try {
    if (niceness > 0) setPriority(pid, niceness);
    writeFileSync(`/proc/${pid}/oom_score_adj`, outOfMemoryScore);
  } catch {
    // It works all the same.
  }
}

async function ending(child: ChildProcess): Promise<string> {
  let lastWords = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    lastWords = (lastWords + text).slice(-lastWordsBytes);
  });
  if (child.pid === undefined) {
    const [error] = await once(child, "error").catch((thrown) => [thrown]);
    return `it could not be started: ${error.message}; workers need setpriv (Debian: util-linux)`;
  }
  // A channel that breaks shows as the end of the process.
  child.on("error", () => {});
  // `close` never comes after a disconnect of ours.
  const wordsOver = child.stderr === null ? undefined : once(child.stderr, "close");
  const [exitCode, signal] = await once(child, "exit");
  await wordsOver;
  const how = signal === null ? `exit code ${exitCode}` : `signal ${signal}`;
  return `${how}${lastWords === "" ? "" : `: ${lastWords.trim()}`}`;
}
