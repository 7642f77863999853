/** A terminal in a sandbox: what it shows, what is typed, its size, its end. */
import type { StartTerminal } from "@alcove/contract";
import { ByteStream } from "./byte-stream.js";
import type { Abortable } from "./files.js";
import type { Interruption } from "./interruption.js";
import { OutputChannel } from "./output-channel.js";
import type { SandboxAddress } from "./scope.js";
import { type TerminalExit, TerminalStream } from "./terminal-stream.js";
import { untilAborted } from "./until-aborted.js";

/** In characters, 1 to 4,096 each. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface TerminalEvents {
  /** The sandbox stood still between what was shown and what will be. */
  readonly onInterruption?: ((interruption: Interruption) => void) | undefined;
  /** The connection was lost, or is back: the terminal goes on meanwhile, and the newest 1 MiB that it shows is kept. */
  readonly onConnection?: ((isConnected: boolean) => void) | undefined;
  /** So many bytes of what it showed were not kept until this side read on: whoever reads slowly holds up no other who looks at it. */
  readonly onSkipped?: ((bytes: number) => void) | undefined;
  /** What was typed did not come through, since the sandbox is stopped and is not woken by it. */
  readonly onRefusal?: ((error: Error) => void) | undefined;
}

export interface TerminalOptions extends TerminalEvents {
  /** A program and its arguments; default bash, or sh where there is none. */
  readonly command?: readonly [string, ...string[]] | undefined;
  /** Default 24 by 80. */
  readonly size?: TerminalSize | undefined;
  readonly cwd?: string | undefined;
  /** Added to the sandbox's environment; TERM is xterm-256color and LANG C.UTF-8 unless they are in one of the two. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Names of the sandbox's `secretEnv` that are added to it as well. */
  readonly secrets?: readonly string[] | undefined;
  /** A name, a uid, or uid:gid; default root. */
  readonly user?: string | undefined;
  /** Aborting leaves the terminal, which goes on. */
  readonly signal?: AbortSignal | undefined;
}

export interface AttachTerminalOptions extends TerminalEvents {
  /** Where in all it has shown to begin; default: with all that is kept. */
  readonly offset?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface TerminalEnd extends TerminalExit {
  /** Output that was not kept long enough. */
  readonly lostBytes: number;
}

export class TerminalHandle implements AsyncDisposable {
  /** By which it is attached to: an exec's id. */
  readonly id: string;
  readonly #channel = new OutputChannel();
  readonly #leaving = new AbortController();
  readonly #stream: TerminalStream;
  readonly #started: Promise<void>;
  readonly #ended: Promise<TerminalEnd>;
  readonly #events: TerminalEvents;
  #size: TerminalSize;
  #lostBytes = 0;

  /** What it shows. Not reading holds its programs back, where nobody else reads it; else what was not kept is skipped. */
  readonly output = new ByteStream(this.#channel);

  private constructor(
    origin: Origin,
    { signal, size, ...events }: TerminalEvents & Pick<TerminalOptions, "signal" | "size">,
  ) {
    this.id = origin.execId;
    this.#events = events;
    this.#size = size ?? { rows: 24, columns: 80 };
    let started = () => {};
    const isStarted = new Promise<void>((resolve) => (started = resolve));
    this.#stream = new TerminalStream({
      ...origin,
      listener: this.#listener(() => started()),
      signal: this.#leaving.signal,
    });
    this.#ended = this.#follow();
    this.#started = Promise.race([isStarted, this.#ended.then(() => undefined)]);
    this.#ended.catch(() => undefined);
    const leave = () => this.#leaving.abort(signal?.reason);
    signal?.addEventListener("abort", leave, { once: true });
    const forget = () => signal?.removeEventListener("abort", leave);
    this.#ended.then(forget, forget);
  }

  /** Answers when its program runs. */
  static async open(address: SandboxAddress, options: TerminalOptions = {}): Promise<TerminalHandle> {
    options.signal?.throwIfAborted();
    const execId = crypto.randomUUID();
    const handle = new TerminalHandle({ address, execId, offset: 0, start: startOf(execId, options) }, options);
    await handle.#started;
    return handle;
  }

  static async attach(
    address: SandboxAddress,
    execId: string,
    options: AttachTerminalOptions = {},
  ): Promise<TerminalHandle> {
    options.signal?.throwIfAborted();
    const { offset = 0 } = options;
    const handle = new TerminalHandle({ address, execId, offset, start: undefined }, options);
    await handle.#started;
    return handle;
  }

  /** Types it. Keeps its order, and waits while the connection is lost. */
  async write(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    for (let at = 0; at < bytes.length; at += typedBytes) {
      const data = btoa(Array.from(bytes.subarray(at, at + typedBytes), (byte) => String.fromCharCode(byte)).join(""));
      await this.#stream.send({ type: "stdin", data });
    }
  }

  async resize(size: TerminalSize): Promise<void> {
    this.#size = size;
    await this.#stream.send({ type: "resize", resize: { height: size.rows, width: size.columns } });
  }

  /** Has programs that fill the screen draw it anew: they hear of another size and of the old one again. */
  async redraw(): Promise<void> {
    const { rows, columns } = this.#size;
    const other = rows > 1 ? rows - 1 : rows + 1;
    await this.#stream.send({ type: "resize", resize: { height: other, width: columns } });
    await this.resize({ rows, columns });
  }

  /** Fulfils when its program has ended. Aborting ends the waiting only. */
  wait({ signal }: Abortable = {}): Promise<TerminalEnd> {
    return untilAborted(this.#ended, signal);
  }

  /** Leaves it; it goes on, and `sandbox.terminals` finds it again. */
  detach(): void {
    this.#leaving.abort(new Error("The terminal was left"));
    this.#channel.letGo();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.detach();
    await this.#ended.catch(() => undefined);
  }

  #listener(started: () => void) {
    return {
      started,
      output: (bytes: Uint8Array) => this.#channel.push(bytes),
      lost: (bytes: number) => {
        this.#lostBytes += bytes;
        this.#events.onSkipped?.(bytes);
      },
      interrupted: (interruption: Interruption) => this.#events.onInterruption?.(interruption),
      refused: (error: Error) => this.#events.onRefusal?.(error),
      connected: (isConnected: boolean) => this.#events.onConnection?.(isConnected),
    };
  }

  async #follow(): Promise<TerminalEnd> {
    try {
      const exit = await this.#stream.follow();
      this.#channel.end();
      return { ...exit, lostBytes: this.#lostBytes };
    } catch (error) {
      this.#channel.end(error);
      throw error;
    }
  }
}

interface Origin {
  readonly address: SandboxAddress;
  readonly execId: string;
  readonly offset: number;
  readonly start: StartTerminal | undefined;
}

/** In one message. */
const typedBytes = 32_768;

function startOf(id: string, { command, size, cwd, env, secrets, user }: TerminalOptions): StartTerminal {
  return {
    id,
    ...(command && { command: command[0], args: command.slice(1) }),
    environment: env,
    secrets: secrets && [...secrets],
    workingDirectory: cwd,
    user,
    height: size?.rows,
    width: size?.columns,
  };
}
