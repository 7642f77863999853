/** A running command: its output as it comes, its input, its end. */
import { AlcoveError, deleteExec, type Exec, type StartExec, signalExec } from "@alcove/contract";
import { ByteStream } from "./byte-stream.js";
import { call } from "./call.js";
import type { Command, ProcessOptions } from "./exec.js";
import { processBody } from "./exec.js";
import { ExecInput } from "./exec-input.js";
import { followExec } from "./exec-stream.js";
import type { Abortable } from "./files.js";
import type { Interruption } from "./interruption.js";
import { OutputChannel } from "./output-channel.js";
import type { SandboxAddress } from "./scope.js";
import type { Chunks } from "./transport.js";
import { untilAborted } from "./until-aborted.js";

export interface SpawnOptions extends ProcessOptions {
  /** `true` keeps its input open for `stdin.write`; text, bytes or an iterable are written to it, then it is closed. */
  readonly stdin?: boolean | string | Uint8Array | Chunks | undefined;
  /** It goes on when the handle is disposed of; find it again with `sandbox.execs`. */
  readonly detached?: boolean | undefined;
  /** Called when the sandbox has stood still between the output that came and what comes: it was stopped and resumed, forked or rolled back. */
  readonly onInterruption?: ((interruption: Interruption) => void) | undefined;
}

export interface AttachOptions {
  /** Where in its output to begin, both streams counted together; default 0. */
  readonly offset?: number | undefined;
  /** Aborting ends the following, not the command. */
  readonly signal?: AbortSignal | undefined;
  /** As in `SpawnOptions`. */
  readonly onInterruption?: ((interruption: Interruption) => void) | undefined;
}

/** How a command ended. */
export interface ExecEnd {
  /** 128 + n when signal n ended it. */
  readonly exitCode: number;
  readonly signal?: string | undefined;
  readonly timedOut: boolean;
  readonly durationMs: number;
  /** Output that could not be delivered because it was not kept long enough. */
  readonly lostBytes: number;
}

interface Origin {
  readonly address: SandboxAddress;
  readonly execId: string;
  readonly start?: StartExec;
  readonly offset: number;
  readonly isDetached: boolean;
  readonly onInterruption: ((interruption: Interruption) => void) | undefined;
}

export class ExecHandle implements AsyncDisposable {
  readonly id: string;
  readonly stdin: ExecInput;
  readonly #origin: Origin;
  readonly #following = new AbortController();
  readonly #channels = { stdout: new OutputChannel(), stderr: new OutputChannel() };
  readonly #streams: { readonly stdout: ByteStream; readonly stderr: ByteStream };
  readonly #wanted = new Set<"stdout" | "stderr">();
  readonly #started: Promise<void>;
  readonly #ended: Promise<ExecEnd>;
  #lostBytes = 0;
  #isEnded = false;

  private constructor(origin: Origin) {
    this.#origin = origin;
    this.id = origin.execId;
    this.stdin = new ExecInput(origin.address, origin.execId);
    this.#streams = { stdout: new ByteStream(this.#channels.stdout), stderr: new ByteStream(this.#channels.stderr) };
    let started = () => {};
    const isStarted = new Promise<void>((resolve) => (started = resolve));
    this.#ended = this.#follow(started);
    this.#started = Promise.race([isStarted, this.#ended.then(() => undefined)]);
    this.#ended.catch(() => undefined);
  }

  /** Starts a command; answers when it runs. */
  static async spawn(address: SandboxAddress, command: Command, options: SpawnOptions): Promise<ExecHandle> {
    const { signal, stdin = false, detached = false, onInterruption } = options;
    signal?.throwIfAborted();
    const execId = crypto.randomUUID();
    const what = typeof command === "string" ? { shellCommand: command } : { args: [...command] };
    const start: StartExec = { id: execId, ...what, ...processBody(options), stdin: stdin !== false };
    const handle = new ExecHandle({ address, execId, start, offset: 0, isDetached: detached, onInterruption });
    handle.#obey(signal, () => handle.#end(signal?.reason));
    await handle.#started;
    if (typeof stdin !== "boolean") handle.stdin.feed(stdin);
    return handle;
  }

  /** Follows a command that runs, or has ended, from an offset of its output. */
  static async attach(address: SandboxAddress, execId: string, options: AttachOptions): Promise<ExecHandle> {
    const { signal, offset = 0, onInterruption } = options;
    signal?.throwIfAborted();
    const handle = new ExecHandle({ address, execId, offset, isDetached: true, onInterruption });
    handle.#obey(signal, async () => handle.#following.abort(signal?.reason));
    await handle.#started;
    return handle;
  }

  /** Once it is taken, it must be read: a command whose output nobody reads is held back. */
  get stdout(): ByteStream {
    this.#wanted.add("stdout");
    return this.#streams.stdout;
  }

  /** As `stdout`. */
  get stderr(): ByteStream {
    this.#wanted.add("stderr");
    return this.#streams.stderr;
  }

  /** Fulfils when it has ended. Output that nobody asked for is let go meanwhile. Aborting ends the waiting only. */
  wait({ signal }: Abortable = {}): Promise<ExecEnd> {
    for (const name of ["stdout", "stderr"] as const) if (!this.#wanted.has(name)) this.#channels[name].letGo();
    return untilAborted(this.#ended, signal);
  }

  /** Sends a signal to the command and all that it started in its group. One that has ended already is left alone. */
  async kill(signal = "TERM", options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { transport, params } = this.#origin.address;
    try {
      await call(transport, signalExec, { params: { ...params, execId: this.id }, body: { signal }, ...options });
    } catch (error) {
      if (!(error instanceof AlcoveError && error.code === "ExecEnded")) throw error;
    }
  }

  /** Stops following. A command that is not detached and still runs is ended, with all that it started. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isEnded) return;
    const reason = new Error("The handle was disposed of");
    if (this.#origin.isDetached) this.#following.abort(reason);
    else await this.#end(reason);
  }

  async #follow(started: () => void): Promise<ExecEnd> {
    const { stdout, stderr } = this.#channels;
    const listener = {
      started,
      output: (stream: "stdout" | "stderr", bytes: Uint8Array) => this.#channels[stream].push(bytes),
      lost: (bytes: number) => {
        this.#lostBytes += bytes;
      },
      interrupted: (interruption: Interruption) => this.#origin.onInterruption?.(interruption),
    };
    try {
      const exec = await followExec({ ...this.#origin, listener, signal: this.#following.signal });
      stdout.end();
      stderr.end();
      return endOf(exec, this.#lostBytes);
    } catch (error) {
      stdout.end(error);
      stderr.end(error);
      throw error;
    } finally {
      this.#isEnded = true;
    }
  }

  async #end(reason: unknown): Promise<void> {
    this.#following.abort(reason);
    for (const channel of Object.values(this.#channels)) channel.letGo();
    const { transport, params } = this.#origin.address;
    await call(transport, deleteExec, { params: { ...params, execId: this.id }, query: { force: true } });
  }

  #obey(signal: AbortSignal | undefined, act: () => Promise<void>): void {
    if (signal === undefined) return;
    const listener = () => void act().catch(() => undefined);
    signal.addEventListener("abort", listener, { once: true });
    const forget = () => signal.removeEventListener("abort", listener);
    this.#ended.then(forget, forget);
  }
}

function endOf(exec: Exec, lostBytes: number): ExecEnd {
  const { exitCode = 0, signal, timedOut, executionTimeMs } = exec;
  return { exitCode, signal, timedOut, durationMs: executionTimeMs, lostBytes };
}
