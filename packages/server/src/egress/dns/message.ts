/** One DNS message with one question, read strictly, and the answers to it (RFC 1035, RFC 6891). Nothing in a question is compressed. */

export interface DnsQuestion {
  readonly id: number;
  readonly flags: number;
  /** In lower case, without the last dot; undefined where it has bytes that no host name has. */
  readonly name: string | undefined;
  readonly type: number;
  readonly class: number;
  /** The question as it was asked: answers repeat it, in its case. */
  readonly section: Uint8Array;
  /** It came with EDNS, so that the answer has to. */
  readonly isExtended: boolean;
}

export interface DnsRecord {
  readonly type: number;
  readonly data: Uint8Array;
}

export interface DnsAnswer {
  readonly code: number;
  readonly records?: readonly DnsRecord[];
  /** With what lets the program keep that there is nothing. */
  readonly isNegative?: boolean;
}

export const dnsType = { A: 1, PTR: 12, AAAA: 28, OPT: 41, AXFR: 252, IXFR: 251, ANY: 255, SOA: 6 } as const;
export const dnsCode = { ok: 0, formatError: 1, failure: 2, noSuchName: 3, notImplemented: 4, refused: 5 } as const;
export const internetClass = 1;
export const maximumMessageBytes = 4_096;

const headerBytes = 12;
const timeToLiveS = 60;

/** The question; the answer that a message gets which is none; undefined where it gets none. */
export function readQuestion(message: Buffer): DnsQuestion | { readonly refusal: Buffer } | undefined {
  if (message.length < headerBytes || message.length > maximumMessageBytes) return undefined;
  const [id, flags] = [message.readUInt16BE(0), message.readUInt16BE(2)];
  const isResponse = (flags & 0x8000) !== 0;
  if (isResponse) return undefined;
  const refusal = (code: number) => ({ refusal: header({ id, flags }, code, [0, 0, 0, 0]) });
  if ((flags & 0x7800) !== 0) return refusal(dnsCode.notImplemented);
  const [questions, answers, authorities, additional] = [4, 6, 8, 10].map((at) => message.readUInt16BE(at));
  if (questions !== 1 || answers !== 0 || authorities !== 0) return refusal(dnsCode.formatError);
  const read = readName(message);
  if (read === undefined || read.end + 4 > message.length) return refusal(dnsCode.formatError);
  const end = read.end + 4;
  return {
    id,
    flags,
    name: read.name,
    type: message.readUInt16BE(read.end),
    class: message.readUInt16BE(read.end + 2),
    section: message.subarray(headerBytes, end),
    isExtended: additional !== 0 && beginsExtension(message, end),
  };
}

export function writeAnswer(question: DnsQuestion, { code, records = [], isNegative = false }: DnsAnswer): Buffer {
  const counts = [1, records.length, isNegative ? 1 : 0, question.isExtended ? 1 : 0] as const;
  return Buffer.concat([
    header(question, code, counts),
    question.section,
    ...records.flatMap(({ type, data }) => [recordHead(type, data.length), data]),
    ...(isNegative ? [recordHead(dnsType.SOA, startOfAuthority.length), startOfAuthority] : []),
    ...(question.isExtended ? [extension] : []),
  ]);
}

/** A name as records have it. */
export function encodeName(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.from(label, "latin1"));
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.alloc(1)]);
}

function readName(message: Buffer): { readonly name: string | undefined; readonly end: number } | undefined {
  const labels: string[] = [];
  let at = headerBytes;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63 || at + 1 + length > message.length) return undefined;
    at += 1 + length;
    if (at - headerBytes > 255) return undefined;
    if (length === 0) break;
    labels.push(message.toString("latin1", at - length, at).toLowerCase());
  }
  const isPlain = labels.length > 0 && labels.every((label) => /^[a-z0-9_-]+$/.test(label));
  return { name: isPlain ? labels.join(".") : undefined, end: at };
}

function beginsExtension(message: Buffer, at: number): boolean {
  return at + 11 <= message.length && message[at] === 0 && message.readUInt16BE(at + 1) === dnsType.OPT;
}

/** A response, recursion available. */
function header(
  { id, flags }: Pick<DnsQuestion, "id" | "flags">,
  code: number,
  counts: readonly [number, number, number, number],
): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt16BE(0x8080 | (flags & 0x7900) | code, 2);
  for (const [place, count] of counts.entries()) bytes.writeUInt16BE(count, 4 + 2 * place);
  return bytes;
}

/** Of a record of the name in the question, which a pointer repeats. */
function recordHead(type: number, dataBytes: number): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc000 | headerBytes, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(internetClass, 4);
  head.writeUInt32BE(timeToLiveS, 6);
  head.writeUInt16BE(dataBytes, 10);
  return head;
}

/** No server, no mailbox; what is not there may be asked for again after as long as what is there. */
const startOfAuthority = Buffer.concat([
  Buffer.alloc(2),
  Buffer.from(Uint32Array.of(1, 3_600, 600, 86_400, timeToLiveS).buffer).swap32(),
]);

/** Root, OPT, 1,232 bytes over UDP, version 0, nothing in it. */
const extension = Buffer.from([0, 0, dnsType.OPT, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
