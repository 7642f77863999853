/** Follows one terminal over WebSockets until its program ends, from the last byte that came; what is typed goes the same way. */
import {
  attachTerminal,
  fromProblem,
  type Problem,
  type StartTerminal,
  streamTerminal,
  type TerminalReceive,
  type TerminalSend,
} from "@alcove/contract";
import { pathOf } from "./call.js";
import { ConnectionError } from "./errors.js";
import { type Interruption, InterruptionsToldOnce } from "./interruption.js";
import type { SandboxAddress } from "./scope.js";
import { followMended } from "./stream-mending.js";
import type { TransportSocket } from "./transport.js";

export interface TerminalListener {
  started(): void;
  /** Not fulfilling holds the programs back. */
  output(bytes: Uint8Array): Promise<void>;
  lost(bytes: number): void;
  interrupted(interruption: Interruption): void;
  /** What was typed did not come through: the sandbox is stopped, and is not to be woken. */
  refused(error: Error): void;
  /** The connection was lost, or is back. */
  connected(isConnected: boolean): void;
}

export interface TerminalStreamOptions {
  readonly address: SandboxAddress;
  readonly execId: string;
  /** Opens the terminal; without, it is there already. */
  readonly start: StartTerminal | undefined;
  readonly offset: number;
  readonly listener: TerminalListener;
  readonly signal: AbortSignal;
}

export interface TerminalExit {
  readonly exitCode: number;
  readonly signal?: string | undefined;
}

export class TerminalStream {
  readonly #options: TerminalStreamOptions;
  readonly #interruptions = new InterruptionsToldOnce();
  #offset: number;
  #isStarted: boolean;
  #socket: TransportSocket | undefined;
  #waiting: (() => void)[] = [];
  #isOver = false;

  constructor(options: TerminalStreamOptions) {
    this.#options = options;
    this.#offset = options.offset;
    this.#isStarted = options.start === undefined;
  }

  /** Fulfils with how its program ended. */
  async follow(): Promise<TerminalExit> {
    const { start, signal, listener } = this.#options;
    try {
      return await followMended({
        openStarted: start && (() => this.#openStarted(start)),
        openAttached: () => this.#openAttached(),
        receive: (socket) => this.#receive(socket),
        isStarted: () => this.#isStarted,
        signal,
        onBroken: () => listener.connected(false),
      });
    } finally {
      this.#isOver = true;
      this.#wake();
    }
  }

  /** Waits for a connection where there is none at the moment. After the end it is let go. */
  async send(message: TerminalSend): Promise<void> {
    while (!this.#isOver) {
      const socket = this.#socket;
      if (socket === undefined) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      else {
        try {
          return await socket.send(JSON.stringify(message));
        } catch {
          if (this.#socket === socket) this.#socket = undefined;
        }
      }
    }
  }

  async #openStarted(start: StartTerminal): Promise<TransportSocket> {
    const { address, signal } = this.#options;
    const socket = await address.transport.openSocket(pathOf(streamTerminal, address.params), signal);
    await socket.send(JSON.stringify({ type: "start", start }));
    return socket;
  }

  #openAttached(): Promise<TransportSocket> {
    const { address, execId, signal } = this.#options;
    const path = pathOf(attachTerminal, { ...address.params, execId }, { offset: this.#offset });
    return address.transport.openSocket(path, signal);
  }

  async #receive(socket: TransportSocket): Promise<TerminalExit> {
    try {
      for await (const message of socket.messages) {
        const exit = await this.#take(JSON.parse(message as string) as TerminalReceive, socket);
        if (exit !== undefined) return exit;
      }
    } finally {
      this.#socket = undefined;
      socket.close();
    }
    throw new ConnectionError("The stream ended before its terminal.", { isUnsent: false });
  }

  async #take(message: TerminalReceive, socket: TransportSocket): Promise<TerminalExit | undefined> {
    const { listener } = this.#options;
    switch (message.type) {
      case "session_id":
        this.#begin(socket);
        return undefined;
      case "stdout":
        await this.#show(message.data, message.offset);
        return undefined;
      case "gap":
        listener.lost(Math.max(0, message.to - Math.max(message.from, this.#offset)));
        this.#offset = Math.max(this.#offset, message.to);
        return undefined;
      case "interrupted": {
        const interruption = this.#interruptions.next(message);
        if (interruption !== undefined) listener.interrupted(interruption);
        return undefined;
      }
      case "exit_code":
        return { exitCode: message.exitCode, signal: message.signal };
      case "error": {
        const error = fromProblem(message.problem as unknown as Problem);
        if (error.code !== "SandboxNotRunning" || this.#socket === undefined) throw error;
        listener.refused(error);
        return undefined;
      }
    }
  }

  #begin(socket: TransportSocket): void {
    this.#isStarted = true;
    this.#socket = socket;
    this.#options.listener.started();
    this.#options.listener.connected(true);
    this.#wake();
  }

  async #show(data: string, offset: number): Promise<void> {
    const all = bytesOf(data);
    const bytes = all.subarray(Math.max(0, this.#offset - offset));
    if (bytes.length === 0) return;
    this.#offset = offset + all.length;
    this.#interruptions.forget();
    await this.#options.listener.output(bytes);
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
