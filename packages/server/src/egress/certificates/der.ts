/** DER (X.690), as much of it as a certificate is written with. Reading is for what was written here. */

const tags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
};

/** One element: tag, length, contents. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body]);
}

export function sequence(...items: readonly Uint8Array[]): Buffer {
  return element(0x30, ...items);
}

export function setOf(item: Uint8Array): Buffer {
  return element(0x31, item);
}

/** `[number]` around whole elements. */
export function explicit(number: number, ...items: readonly Uint8Array[]): Buffer {
  return element(0xa0 | number, ...items);
}

/** `[number]` in place of the tag of what is no sequence or set. */
export function implicit(number: number, contents: Uint8Array): Buffer {
  return element(0x80 | number, contents);
}

/** From big-endian bytes that are not negative and have no needless zeros in front. */
export function integer(bytes: Uint8Array): Buffer {
  return element(tags.integer, bytes);
}

export function bool(): Buffer {
  return Buffer.from([0x01, 0x01, 0xff]);
}

export function octetString(...contents: readonly Uint8Array[]): Buffer {
  return element(tags.octetString, ...contents);
}

export function bitString(contents: Uint8Array, unusedBits = 0): Buffer {
  return element(tags.bitString, Buffer.from([unusedBits]), contents);
}

export function utf8(text: string): Buffer {
  return element(tags.utf8, Buffer.from(text, "utf8"));
}

/** From dotted numbers. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return element(tags.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** UTCTime until 2049, GeneralizedTime after, as RFC 5280 4.1.2.5 wants it. */
export function time(unixMs: number): Buffer {
  const digits = new Date(unixMs)
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:T]/g, "");
  if (Number(digits.slice(0, 4)) >= 2050) return element(tags.generalizedTime, Buffer.from(digits, "latin1"));
  return element(tags.utcTime, Buffer.from(digits.slice(2), "latin1"));
}

/** The elements inside of one, each whole. */
export function childrenOf(der: Uint8Array): Buffer[] {
  const { start, end } = extentOf(der, 0);
  const children: Buffer[] = [];
  for (let at = start; at < end; ) {
    const child = extentOf(der, at);
    if (child.end > end) throw new Error("the DER's lengths do not fit into each other");
    children.push(Buffer.from(der.subarray(at, child.end)));
    at = child.end;
  }
  return children;
}

function lengthOf(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.from([bytes]);
  return bytes < 0x100 ? Buffer.from([0x81, bytes]) : Buffer.from([0x82, bytes >> 8, bytes & 0xff]);
}

function base128(value: number): number[] {
  return value < 0x80 ? [value] : [...base128(value >> 7).map((byte) => byte | 0x80), value & 0x7f];
}

/** Where the contents of the element at `at` begin and end. */
function extentOf(der: Uint8Array, at: number): { start: number; end: number } {
  const first = der[at + 1] ?? 0;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  let length = lengthBytes === 0 ? first : 0;
  for (let index = 0; index < lengthBytes; index++) length = length * 0x100 + (der[at + 2 + index] ?? 0);
  const start = at + 2 + lengthBytes;
  if (lengthBytes > 3 || start + length > der.length) throw new Error("the DER ends before its last element");
  return { start, end: start + length };
}
