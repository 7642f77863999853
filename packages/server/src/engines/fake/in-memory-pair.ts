/**
 * Two streams, each of which reads what is written to the other: in a later turn of the event loop, as with sockets. Node's own
 * pair hands it over at once, so that an HTTP/2 session reads inside its own writing, which ends the process (seen with Node 20.20).
 */
import { Duplex } from "node:stream";

const highWaterMark = 256 * 1024;

export function inMemoryPair(): [Duplex, Duplex] {
  const one: InMemoryEnd = new InMemoryEnd(() => other);
  const other: InMemoryEnd = new InMemoryEnd(() => one);
  return [one, other];
}

class InMemoryEnd extends Duplex {
  readonly #other: () => InMemoryEnd;
  /** Tells the writer that there is room again. */
  #resume: (() => void) | undefined;

  constructor(other: () => InMemoryEnd) {
    super({ highWaterMark });
    this.#other = other;
  }

  override _read(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    if (resume !== undefined) setImmediate(resume);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    setImmediate(() => this.#other().#take(chunk, done));
  }

  override _final(done: () => void): void {
    setImmediate(() => this.#other().#take(null, done));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#resume?.();
    done(error);
  }

  #take(chunk: Buffer | null, done: () => void): void {
    if (this.destroyed || this.push(chunk) || chunk === null) setImmediate(done);
    else this.#resume = done;
  }
}
