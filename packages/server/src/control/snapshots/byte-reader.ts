/** Takes exact numbers of bytes out of a stream of chunks. */
export class ByteReader implements AsyncDisposable {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #onShort: (readBytes: number) => never;
  #pending: Uint8Array = Buffer.alloc(0);
  #read = 0;

  /** `onShort` is called where the stream ends too soon, with how many bytes there were. */
  constructor(content: AsyncIterable<Uint8Array>, onShort: (readBytes: number) => never) {
    this.#chunks = content[Symbol.asyncIterator]();
    this.#onShort = onShort;
  }

  /** So many in one piece: for few. */
  async take(length: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const part of this.pass(length)) parts.push(part);
    return Buffer.concat(parts);
  }

  /** So many, as they come. */
  async *pass(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; ) {
      if (this.#pending.length === 0 && !(await this.#fill())) this.#onShort(this.#read);
      const part = this.#pending.subarray(0, left);
      this.#pending = this.#pending.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  /** What is left. */
  async *rest(): AsyncGenerator<Uint8Array> {
    do {
      const part = this.#pending;
      this.#pending = Buffer.alloc(0);
      yield part;
    } while (await this.#fill());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return?.();
  }

  async #fill(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done === true) return false;
    this.#pending = next.value;
    this.#read += next.value.length;
    return true;
  }
}
