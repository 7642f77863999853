/** One output of a running command between the stream that brings it and the program that reads it, never holding much. */

/** What may lie here unread before the command is held back. */
const maximumUnreadBytes = 262_144;

export class OutputChannel implements AsyncIterable<Uint8Array> {
  readonly #chunks: Uint8Array[] = [];
  #unreadBytes = 0;
  #end: { readonly error?: unknown } | undefined;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;
  #isLetGo = false;

  /** Fulfils when there is room for more. */
  async push(chunk: Uint8Array): Promise<void> {
    while (this.#unreadBytes >= maximumUnreadBytes) {
      if (this.#isLetGo) return;
      await new Promise<void>((resolve) => (this.#wakeWriter = resolve));
    }
    this.#chunks.push(chunk);
    this.#unreadBytes += chunk.byteLength;
    this.#wakeReader?.();
  }

  /** No more will come; an error is thrown to the reader behind what has come. */
  end(error?: unknown): void {
    this.#end ??= { error };
    this.#wakeReader?.();
  }

  /** Nobody reads: what does not fit is dropped from now on, so that the command is not held back. */
  letGo(): void {
    this.#isLetGo = true;
    this.#wakeWriter?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          this.#unreadBytes -= chunk.byteLength;
          this.#wakeWriter?.();
          yield chunk;
        } else if (this.#end === undefined) await new Promise<void>((resolve) => (this.#wakeReader = resolve));
        else if (this.#end.error === undefined) return;
        else throw this.#end.error;
      }
    } finally {
      this.letGo();
    }
  }
}
