/** Takes apart what the agent says of a connection to a port, however it is cut into pieces. */
import { ProtocolBreak } from "../fault.js";

export type PortFrame =
  | { readonly kind: "data"; readonly bytes: Buffer }
  | { readonly kind: "end" }
  | { readonly kind: "taken"; readonly bytes: number };

const headBytes = 4;
const longestData = 32 * 1024;
const kinds = { data: 1, end: 2, taken: 3 };

export class PortFrames {
  #head = Buffer.alloc(0);
  /** Of a `data` that is not whole yet. */
  #missing = 0;

  /** What of a `data` is there comes at once. Throws ProtocolBreak. */
  *read(chunk: Buffer): Generator<PortFrame> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#missing > 0) {
        const bytes = rest.subarray(0, this.#missing);
        this.#missing -= bytes.length;
        rest = rest.subarray(bytes.length);
        yield { kind: "data", bytes };
        continue;
      }
      const wanted = headBytes - this.#head.length;
      this.#head = Buffer.concat([this.#head, rest.subarray(0, wanted)]);
      rest = rest.subarray(wanted);
      if (this.#head.length < headBytes) return;
      const frame = this.#begin(this.#head.readUInt8(0), this.#head.readUIntBE(1, 3));
      this.#head = Buffer.alloc(0);
      if (frame !== undefined) yield frame;
    }
  }

  #begin(kind: number, number: number): PortFrame | undefined {
    if (kind === kinds.taken) return { kind: "taken", bytes: number };
    if (kind === kinds.end && number === 0) return { kind: "end" };
    if (kind !== kinds.data || number === 0 || number > longestData)
      throw new ProtocolBreak(`it sent a frame of a connection that no agent sends (${kind}, ${number})`);
    this.#missing = number;
    return undefined;
  }
}
