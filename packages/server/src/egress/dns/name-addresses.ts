/** The addresses that stand for names: the index of a name in its sandbox's table, in a range of IPv4 and in one of IPv6. */
import { parseAddress, rangeHas } from "@alcove/contract";
import { nameRanges } from "../../policy/egress/forbidden-ranges.js";

export const maximumNames = 16_384;

const [four, six] = nameRanges;

/** The index that an address stands for, whether it has a name or not; undefined for every other address. */
export function indexOfAddress(text: string): number | undefined {
  const address = parseAddress(text);
  const range = address?.length === 1 ? four : six;
  if (address === undefined || !rangeHas(range, address)) return undefined;
  const [low = 0, first = 0] = [address.at(-1), range.first.at(-1)];
  return low - first;
}

export function fourBytes(index: number): Buffer {
  return bytesOf(four.first, index);
}

export function sixBytes(index: number): Buffer {
  return bytesOf(six.first, index);
}

/** The address that a name for reverse lookups asks about, as text; undefined where it is none. */
export function reversedAddress(name: string): string | undefined {
  if (name.endsWith(".in-addr.arpa")) {
    const parts = name.split(".").slice(0, -2);
    return parts.length === 4 ? parts.reverse().join(".") : undefined;
  }
  if (!name.endsWith(".ip6.arpa")) return undefined;
  const digits = name.split(".").slice(0, -2).reverse();
  if (digits.length !== 32 || !digits.every((digit) => /^[0-9a-f]$/.test(digit))) return undefined;
  return (digits.join("").match(/.{4}/g) ?? []).join(":");
}

function bytesOf(first: readonly number[], index: number): Buffer {
  const bytes = Buffer.alloc(first.length * 4);
  for (const [place, word] of first.entries()) bytes.writeUInt32BE(word, place * 4);
  bytes.writeUInt32BE(bytes.readUInt32BE(bytes.length - 4) + index, bytes.length - 4);
  return bytes;
}
