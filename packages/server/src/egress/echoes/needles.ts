/**
 * Finds any of many byte strings in one pass that looks at few of the bytes (Wu and Manber, 1994): the last two of a window as long as the shortest
 * needle say how far the next place is where one can end. What may be one is looked up by a hash of how it begins, so that thousands take no
 * longer than one.
 */
export class Needles {
  readonly #shortest: number;
  readonly #longest: number;
  /** Of how many bytes at its beginning a needle is known by. */
  readonly #knownBy: number;
  readonly #shifts: Uint8Array;
  readonly #byBeginning = new Map<number, Buffer[]>();
  readonly #haveLines: boolean;

  /** At least one, each of 2 to 255 bytes. */
  constructor(needles: readonly Buffer[]) {
    const lengths = needles.map(({ length }) => length);
    this.#shortest = lengths.reduce((one, other) => Math.min(one, other));
    this.#longest = lengths.reduce((one, other) => Math.max(one, other));
    this.#knownBy = Math.min(this.#shortest, mostKnownBy);
    this.#shifts = new Uint8Array(65_536).fill(this.#shortest - 1);
    this.#haveLines = needles.some((needle) => needle.includes(lineBreak));
    for (const needle of needles) this.#add(needle);
  }

  /** Each place where one stands, also where they overlap. */
  find(data: Buffer, found: (from: number, to: number) => void): void {
    for (let end = this.#shortest - 1; end < data.length; ) {
      const shift = this.#shifts[pairAt(data, end - 1)] ?? 0;
      if (shift > 0) {
        end += shift;
        continue;
      }
      const from = end - this.#shortest + 1;
      for (const needle of this.#byBeginning.get(hashOf(data, from, this.#knownBy)) ?? []) {
        const to = from + needle.length;
        if (to <= data.length && needle.compare(data, from, to) === 0) found(from, to);
      }
      end++;
    }
  }

  /**
   * From where on the last bytes may be of a needle whose rest is still to come. It does not depend on what the needles are, but for their length and
   * whether any has a line break, so that nobody learns of them from it.
   */
  openEnd(data: Buffer): number {
    const afterLine = this.#haveLines ? 0 : data.lastIndexOf(lineBreak) + 1;
    return Math.max(afterLine, data.length - this.#longest + 1);
  }

  #add(needle: Buffer): void {
    const last = this.#shortest - 1;
    for (let at = 1; at <= last; at++) {
      const pair = pairAt(needle, at - 1);
      this.#shifts[pair] = Math.min(this.#shifts[pair] ?? 0, last - at);
    }
    const hash = hashOf(needle, 0, this.#knownBy);
    const known = this.#byBeginning.get(hash);
    if (known === undefined) this.#byBeginning.set(hash, [needle]);
    else known.push(needle);
  }
}

const mostKnownBy = 8;
const lineBreak = 0x0a;

function pairAt(bytes: Buffer, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** FNV-1a, of 32 bits. */
function hashOf(bytes: Buffer, from: number, length: number): number {
  let hash = 0x811c9dc5 ^ length;
  for (let at = from; at < from + length; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash;
}
