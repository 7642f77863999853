/** A pipe in memory: the writer waits while more than a bound is unread, as with a real one. */
import { Change } from "./change.js";

export class Pipe implements AsyncIterable<Uint8Array> {
  readonly #boundBytes: number;
  readonly #change = new Change();
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #state: "open" | "ended" | "broken" = "open";

  constructor(boundBytes = 65_536) {
    this.#boundBytes = boundBytes;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Answers when there was room; false when nobody reads any more. */
  async write(chunk: Uint8Array, signal?: AbortSignal): Promise<boolean> {
    await this.#change.until(() => this.#bytes < this.#boundBytes || this.#state !== "open", signal);
    if (this.#state !== "open") return false;
    if (chunk.length === 0) return true;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#change.announce();
    return true;
  }

  /** The next chunk, or undefined at the end. */
  async read(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    await this.#change.until(() => this.#chunks.length > 0 || this.#state !== "open", signal);
    const chunk = this.#chunks.shift();
    this.#bytes -= chunk?.length ?? 0;
    this.#change.announce();
    return chunk;
  }

  /** Nothing more will be written; what is there can still be read. */
  end(): void {
    if (this.#state === "open") this.#state = "ended";
    this.#change.announce();
  }

  /** Nobody reads any more; what is there is dropped. */
  break(): void {
    this.#state = "broken";
    this.#chunks = [];
    this.#bytes = 0;
    this.#change.announce();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) yield chunk;
  }
}
