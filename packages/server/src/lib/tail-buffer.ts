/** Keeps the last bytes of what is written to it, within a fixed memory. */
export class TailBuffer {
  readonly #ring: Buffer;
  #written = 0;

  constructor(capacityBytes: number) {
    this.#ring = Buffer.alloc(capacityBytes);
  }

  write(bytes: Uint8Array): void {
    const capacity = this.#ring.length;
    const tail = bytes.subarray(Math.max(0, bytes.length - capacity));
    const at = (this.#written + bytes.length - tail.length) % capacity;
    const first = tail.subarray(0, capacity - at);
    this.#ring.set(first, at);
    this.#ring.set(tail.subarray(first.length), 0);
    this.#written += bytes.length;
  }

  /** A copy of what is kept, oldest first. */
  read(): Buffer {
    const capacity = this.#ring.length;
    if (this.#written <= capacity) return Buffer.from(this.#ring.subarray(0, this.#written));
    const at = this.#written % capacity;
    return Buffer.concat([this.#ring.subarray(at), this.#ring.subarray(0, at)]);
  }
}
