/** IPv4 and IPv6 addresses and ranges as numbers. IPv4 that is mapped into IPv6 (`::ffff:10.0.0.1`) is IPv4 everywhere. */

/** 32-bit words, the highest first: one for IPv4, four for IPv6. */
export type Address = readonly number[];

/** A range of addresses; `text` is its canonical form. */
export interface AddressRange {
  readonly text: string;
  readonly first: Address;
  readonly prefixLength: number;
}

export interface Fault {
  /** Goes on after the field's name: `must …`. */
  readonly message: string;
  readonly hint: string;
}

/** `10.0.0.0/8`, `2001:db8::/32`. What is not aligned is refused, with the range that it may have meant as the hint. */
export function readRange(text: string): AddressRange | Fault {
  const example = { message: "must be a range of addresses", hint: "Write it as 10.0.0.0/8 or 2001:db8::/32." };
  const [, addressText = "", prefixText = ""] = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const written = parseAddressText(addressText);
  if (written === undefined) return example;
  if (prefixText === "") return { ...example, hint: `Write one address as ${addressText}/${written.length * 32}.` };
  const prefixLength = Number(prefixText);
  if (prefixLength > written.length * 32) return { ...example, hint: `Its prefix is at most ${written.length * 32}.` };
  const first = masked(written, prefixLength);
  if (first.some((word, at) => word !== written[at])) {
    const message = "must be a range that begins at its first address";
    return { message, hint: `The range of /${prefixLength} that holds it is ${formatAddress(first)}/${prefixLength}.` };
  }
  return isMapped(first) && prefixLength >= 96
    ? rangeOf([first[3] ?? 0], prefixLength - 96)
    : rangeOf(first, prefixLength);
}

export function rangeHas({ first, prefixLength }: AddressRange, address: Address): boolean {
  if (first.length !== address.length) return false;
  return first.every((word, at) => ((word ^ (address[at] ?? 0)) & maskOf(prefixLength, at)) === 0);
}

/** An address in the usual text, without brackets or zone; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const address = parseAddressText(text);
  return address !== undefined && isMapped(address) ? [address[3] ?? 0] : address;
}

/** Canonical: IPv4 in dotted decimals, IPv6 by RFC 5952. */
export function formatAddress(address: Address): string {
  const [word = 0] = address;
  if (address.length === 1) return [24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff).join(".");
  const hextets = address.flatMap((each) => [each >>> 16, each & 0xffff]);
  const zeros = longestZeros(hextets);
  const texts = hextets.map((hextet) => hextet.toString(16));
  if (zeros.length < 2) return texts.join(":");
  return `${texts.slice(0, zeros.at).join(":")}::${texts.slice(zeros.at + zeros.length).join(":")}`;
}

function rangeOf(first: Address, prefixLength: number): AddressRange {
  return { text: `${formatAddress(first)}/${prefixLength}`, first, prefixLength };
}

function parseAddressText(text: string): Address | undefined {
  return text.includes(":") ? parseIPv6(text) : parseIPv4(text);
}

/** Four decimals. The older forms (octal, hexadecimal, fewer numbers) are read by normalizeHost alone. */
function parseIPv4(text: string): Address | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) {
    return undefined;
  }
  return [parts.reduce((word, part) => word * 256 + Number(part), 0)];
}

function parseIPv6(text: string): Address | undefined {
  const halves = withHextets(text).split("::");
  if (halves.length > 2) return undefined;
  const [front = [], back = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - front.length - back.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const hextets = [...front, ...Array.from({ length: missing }, () => "0"), ...back];
  if (!hextets.every((hextet) => /^[0-9a-f]{1,4}$/i.test(hextet))) return undefined;
  const numbers = hextets.map((hextet) => Number.parseInt(hextet, 16));
  return [0, 2, 4, 6].map((at) => (numbers[at] ?? 0) * 65_536 + (numbers[at + 1] ?? 0));
}

/** With dotted decimals at its end made into two hextets. */
function withHextets(text: string): string {
  const at = text.lastIndexOf(":") + 1;
  const [word] = parseIPv4(text.slice(at)) ?? [];
  if (word === undefined) return text;
  return `${text.slice(0, at)}${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`;
}

function isMapped(address: Address): boolean {
  return address.length === 4 && address[0] === 0 && address[1] === 0 && address[2] === 0xffff;
}

function masked(address: Address, prefixLength: number): Address {
  return address.map((word, at) => (word & maskOf(prefixLength, at)) >>> 0);
}

/** The part of a prefix's mask that falls into one word. */
function maskOf(prefixLength: number, wordIndex: number): number {
  const bits = Math.min(32, Math.max(0, prefixLength - wordIndex * 32));
  return bits === 0 ? 0 : -1 << (32 - bits);
}

/** The first of the longest runs. */
function longestZeros(hextets: readonly number[]): { readonly at: number; readonly length: number } {
  let longest = { at: 0, length: 0 };
  for (let at = 0; at < hextets.length; at++) {
    let length = 0;
    while (hextets[at + length] === 0) length++;
    if (length > longest.length) longest = { at, length };
  }
  return longest;
}
