/** What is typed goes to the terminal of a sandbox, and is read on while that cannot be reached: the way out must be found all the same. */
import type { TerminalHandle } from "alcove";
import { createEscapes } from "./escapes.js";

/** Of keys that wait; whoever has typed more waits until some are sent. */
const mostWaitingBytes = 1024 * 1024;

/** Ends when it is left, by `~.` or the end of the keys; rejects where something cannot be typed. */
export function typeInto(
  handle: Pick<TerminalHandle, "write">,
  keys: AsyncIterable<Uint8Array>,
  leave: () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    readKeys(new Typing(handle, reject), keys).then(() => resolve(leave()), reject);
  });
}

async function readKeys(typing: Typing, keys: AsyncIterable<Uint8Array>): Promise<void> {
  const escapes = createEscapes();
  for await (const chunk of keys) {
    const { bytes, leaves } = escapes(chunk);
    typing.add(bytes);
    if (leaves) return typing.sendAtOnce();
    await typing.room();
  }
}

/** One write after the other; what was typed meanwhile goes with the next. */
class Typing {
  readonly #handle: Pick<TerminalHandle, "write">;
  readonly #onFailure: (error: unknown) => void;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #sending: Promise<void> | undefined;

  constructor(handle: Pick<TerminalHandle, "write">, onFailure: (error: unknown) => void) {
    this.#handle = handle;
    this.#onFailure = onFailure;
  }

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.sendAtOnce();
  }

  /** What can be sent now is on its way when this returns. */
  sendAtOnce(): void {
    if (this.#sending !== undefined || this.#waitingBytes === 0) return;
    const bytes = Buffer.concat(this.#waiting);
    [this.#waiting, this.#waitingBytes] = [[], 0];
    this.#sending = this.#handle.write(bytes).then(() => {
      this.#sending = undefined;
      this.sendAtOnce();
    });
    this.#sending.catch(this.#onFailure);
  }

  async room(): Promise<void> {
    while (this.#waitingBytes > mostWaitingBytes) await this.#sending;
  }
}
