/** The fake agent's execs. */
import { constants } from "node:os";
import { AlcoveError, type TerminalSize } from "@alcove/contract";
import type { ExecSpec, ExecStatus } from "../../guest/guest.js";
import { Change } from "../../lib/change.js";
import { Pipe } from "../../lib/pipe.js";
import { Journal } from "./journal.js";
import { dispatch, runProgram } from "./run-program.js";
import { Killed, type Task, type TaskGuest } from "./task.js";
import { FakeTerminal, shown } from "./terminal.js";
import { findUser } from "./users.js";
import { elapse } from "./virtual-sleep.js";

const endedKept = 256;
const deliveredKeptMs = 10_000;
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export class FakeExec {
  readonly spec: ExecSpec;
  readonly journal: Journal;
  readonly stdin = new Pipe();
  readonly #killed = new AbortController();
  readonly #started = Date.now();
  readonly #ended = new Change();
  readonly #terminal: FakeTerminal | undefined;
  #pid = 0;
  #stdinOpen: boolean;
  #timedOut = false;
  #end: { readonly atUnixMs: number; readonly exitCode: number; readonly signal?: string } | undefined;

  constructor(spec: ExecSpec) {
    this.spec = spec;
    this.journal = new Journal(spec.outputLimitBytes, { isTerminal: spec.terminal !== undefined });
    this.#terminal = spec.terminal && new FakeTerminal(spec.terminal, this);
    this.#stdinOpen = spec.stdin || this.#terminal !== undefined;
    if (!this.#stdinOpen) this.stdin.end();
  }

  /** Input, as typed where there is a terminal. False when nobody reads any more. */
  write(chunk: Uint8Array, signal: AbortSignal): Promise<boolean> {
    return this.#terminal === undefined ? this.stdin.write(chunk, signal) : this.#terminal.type(chunk, signal);
  }

  show(stream: "stdout" | "stderr", bytes: Uint8Array): Promise<void> {
    const { signal } = this.#killed;
    if (this.#terminal === undefined) return this.journal.append(stream, bytes, signal);
    return this.journal.append("stdout", shown(bytes), signal);
  }

  resize(size: TerminalSize): void {
    if (this.#terminal === undefined) throw new AlcoveError("InvalidRequest", `Exec ${this.spec.id} has no terminal.`);
    if (this.hasEnded) throw new AlcoveError("ExecEnded", `Exec ${this.spec.id} has ended.`);
    this.#terminal.size = size;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  get stdinOpen(): boolean {
    return this.#stdinOpen && !this.hasEnded && this.stdin.isOpen;
  }

  /** One that has ended, as it is; one that runs, as it was when it began. */
  atThisInstant(): FakeExec {
    return this.hasEnded ? this : new FakeExec(this.spec);
  }

  closeStdin(): void {
    this.#stdinOpen = false;
    this.stdin.end();
  }

  /** Runs until the program has ended, whatever it left behind included. */
  async run(guest: TaskGuest, task: Pick<Task, "environment" | "directory" | "user">): Promise<void> {
    const { spec } = this;
    const command = spec.argv.join(" ").slice(0, 1_024);
    using process = guest.processes.begin({ parentPid: 1, user: task.user.name, command, execId: spec.id });
    this.#pid = process.pid;
    void this.#enforceTimeout();
    const signal = this.#killed.signal;
    const output = (stream: "stdout" | "stderr") => (bytes: Uint8Array) => this.show(stream, bytes);
    const own = {
      argv: spec.argv,
      pid: process.pid,
      execId: spec.id,
      stdin: this.stdin,
      signal,
      guest,
      run: runProgram,
      ...(this.#terminal && { terminal: this.#terminal }),
    };
    const running = dispatch({ ...own, ...task, stdout: output("stdout"), stderr: output("stderr") });
    const exit = await Promise.race([running, aborted(signal)]).catch((error: unknown) => error);
    running.catch(() => {});
    this.#finish(exit);
  }

  kill(signalName: string): void {
    this.#killed.abort(new Killed(signalName));
  }

  async ended(signal: AbortSignal): Promise<void> {
    await this.#ended.until(() => this.hasEnded, signal);
  }

  status(): ExecStatus {
    const { counts, dropped } = this.journal;
    const end = this.#end;
    return {
      id: this.spec.id,
      argv: this.spec.argv,
      pid: this.#pid,
      state: end === undefined ? "Running" : "Exited",
      ...(end && { exitCode: end.exitCode, endedAtUnixMs: end.atUnixMs, ...(end.signal && { signal: end.signal }) }),
      timedOut: this.#timedOut,
      startedAtUnixMs: this.#started,
      stdoutBytes: counts.stdout,
      stderrBytes: counts.stderr,
      droppedBytes: dropped.stdout + dropped.stderr,
      stderrDroppedBytes: dropped.stderr,
      stdinOpen: this.stdinOpen,
      durationMs: (end?.atUnixMs ?? Date.now()) - this.#started,
      ...(this.#terminal && { terminal: this.#terminal.size }),
    };
  }

  #finish(exit: unknown): void {
    const signal = exit instanceof Killed ? exit.signalName : undefined;
    const exitCode = typeof exit === "number" ? exit & 255 : signal ? 128 + numberOf(signal) : 70;
    this.#end = { atUnixMs: Date.now(), exitCode, ...(signal && { signal }) };
    // Whatever is left of its group dies with it.
    this.#killed.abort(new Killed("KILL"));
    this.stdin.break();
    this.journal.complete();
    this.#ended.announce();
  }

  async #enforceTimeout(): Promise<void> {
    if (this.spec.timeoutMs === undefined) return;
    await elapse(this.spec.timeoutMs, this.#killed.signal).then(
      () => {
        this.#timedOut = true;
        this.kill("KILL");
      },
      () => {},
    );
  }
}

export class FakeExecs {
  readonly #guest: TaskGuest;
  readonly #execs = new Map<string, FakeExec>();
  readonly #delivered = new WeakSet<FakeExec>();
  environment: Readonly<Record<string, string>> = {};

  constructor(guest: TaskGuest) {
    this.#guest = guest;
  }

  start(spec: ExecSpec): FakeExec {
    if (this.#execs.has(spec.id)) throw new AlcoveError("ExecExists", `There is an exec ${spec.id} already.`);
    const user = findUser(spec.user);
    const directory = this.#directory(spec.workingDirectory, user.home);
    const own = { PATH: searchPath, HOME: user.home, USER: user.name, LOGNAME: user.name };
    const ofTerminal = spec.terminal && { TERM: "xterm-256color", LANG: "C.UTF-8" };
    const environment = new Map(Object.entries({ ...own, ...ofTerminal, ...this.environment, ...spec.environment }));
    const exec = new FakeExec(spec);
    this.#execs.set(spec.id, exec);
    this.#evict();
    void exec.run(this.#guest, { environment, directory, user });
    return exec;
  }

  /** Those that are not forgotten. */
  known(): FakeExec[] {
    return [...this.#execs.values()].filter((exec) => !this.#delivered.has(exec));
  }

  /** Those of the machine that this one goes on from; programs that ran there begin anew. */
  resume(execs: readonly FakeExec[]): void {
    for (const exec of execs) {
      if (exec.hasEnded) this.#execs.set(exec.spec.id, exec);
      else this.start(exec.spec);
    }
  }

  find(id: string): FakeExec {
    const exec = this.#execs.get(id);
    if (exec === undefined) throw new AlcoveError("ExecNotFound", `There is no exec ${id}.`);
    return exec;
  }

  list(): ExecStatus[] {
    return this.known().map((exec) => exec.status());
  }

  /** Its last frame was sent: one that asked for it is forgotten, after a while, in which a reader that lost the frame may come again. */
  delivered(exec: FakeExec): void {
    if (exec.spec.forget !== true || this.#delivered.has(exec)) return;
    this.#delivered.add(exec);
    setTimeout(() => this.#execs.delete(exec.spec.id), deliveredKeptMs).unref();
  }

  async delete(id: string, force: boolean, signal: AbortSignal): Promise<void> {
    const exec = this.find(id);
    exec.kill(force ? "KILL" : "TERM");
    await exec.ended(signal);
    this.#execs.delete(id);
  }

  /** Tells whoever follows one that runs that the machine has slept. */
  interrupt(sinceUnixMs: number): void {
    for (const exec of this.#execs.values()) if (!exec.hasEnded) exec.journal.interrupt(sinceUnixMs);
  }

  killAll(): void {
    for (const exec of this.#execs.values()) exec.kill("KILL");
  }

  #directory(asked: string | undefined, home: string): string {
    const { files } = this.#guest;
    const isDirectory = (path: string) => files.has(path) && files.find(path).kind === "directory";
    if (asked === undefined) return isDirectory(home) ? home : "/";
    if (isDirectory(asked)) return asked;
    throw new AlcoveError("InvalidRequest", `The working directory ${asked} is not a directory of the sandbox.`);
  }

  #evict(): void {
    const ended = [...this.#execs].filter(([, exec]) => exec.hasEnded);
    for (const [id] of ended.slice(0, Math.max(0, ended.length - endedKept))) this.#execs.delete(id);
  }
}

export function numberOf(signalName: string): number {
  const numbers: Readonly<Record<string, number>> = constants.signals;
  const found = numbers[`SIG${signalName}`];
  if (found === undefined) throw new AlcoveError("InvalidRequest", `There is no signal called ${signalName}.`);
  return found;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}
