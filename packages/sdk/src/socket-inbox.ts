/** Messages of a WebSocket on their way to whoever reads them: kept in order until they are taken, then how the socket ended. */
import { ConnectionError } from "./errors.js";

export interface InboxOptions {
  readonly signal: AbortSignal | undefined;
  /** Called with every message as the reader takes it. */
  readonly onTaken: (message: string | Uint8Array) => void;
}

export class SocketInbox implements AsyncIterable<string | Uint8Array> {
  readonly #options: InboxOptions;
  readonly #waiting: (string | Uint8Array)[] = [];
  #closed: { readonly code: number; readonly reason: string } | undefined;
  #wake: (() => void) | undefined;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** How many messages wait. */
  get length(): number {
    return this.#waiting.length;
  }

  put(message: string | Uint8Array): void {
    this.#waiting.push(message);
    this.#notify();
  }

  /** Nothing comes any more; what waits can still be taken. */
  close(code: number, reason: string): void {
    this.#closed = { code, reason };
    this.#notify();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string | Uint8Array> {
    const { signal, onTaken } = this.#options;
    for (;;) {
      const message = this.#waiting.shift();
      if (message !== undefined) {
        onTaken(message);
        yield message;
      } else if (this.#closed === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
      else if (signal?.aborted) throw signal.reason;
      else if (this.#closed.code === 1000) return;
      else throw closedEarly(this.#closed);
    }
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

function closedEarly({ code, reason }: { readonly code: number; readonly reason: string }): ConnectionError {
  return new ConnectionError(`The stream was closed: ${code} ${reason}`, { isUnsent: false });
}
