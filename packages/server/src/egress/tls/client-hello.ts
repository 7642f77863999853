/**
 * Reads what a TLS client says first (RFC 8446, 4.1.2), as it comes, for the name that it wants. Strict: lengths that do not fit into
 * each other, an extension twice, a name that is none make it a fault, since the server may read it in another way.
 */

export interface ClientHello {
  /** As it was sent. */
  readonly serverName: string | undefined;
}

export interface HelloFault {
  readonly fault: string;
}

const maximumBytes = 65_536;
const handshakeRecord = 22;
const recordHeadBytes = 5;
const maximumRecordBytes = 16_384;
/** Programs cut a long one into a few. */
const maximumRecords = 64;

export class ClientHelloReader {
  /** What was not taken apart yet, put together only when a record is whole: bytes may come one by one. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #neededBytes = recordHeadBytes;
  readonly #fragments: Buffer[] = [];
  #handshakeBytes = 0;

  /** Undefined: more is needed. After an answer it takes no more. */
  push(chunk: Buffer): ClientHello | HelloFault | undefined {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes < this.#neededBytes) return undefined;
    let rest = Buffer.concat(this.#waiting);
    this.#neededBytes = recordHeadBytes;
    while (rest.length >= recordHeadBytes) {
      const fault = faultOfRecord(rest);
      if (fault !== undefined) return { fault };
      const end = recordHeadBytes + rest.readUInt16BE(3);
      if (rest.length < end) {
        this.#neededBytes = end;
        break;
      }
      const answer = this.#takeFragment(rest.subarray(recordHeadBytes, end));
      if (answer !== undefined) return answer;
      rest = rest.subarray(end);
    }
    this.#waiting = [rest];
    this.#waitingBytes = rest.length;
    return undefined;
  }

  #takeFragment(fragment: Buffer): ClientHello | HelloFault | undefined {
    this.#fragments.push(fragment);
    this.#handshakeBytes += fragment.length;
    const head = this.#head();
    if (head[0] !== undefined && head[0] !== 1) return { fault: "its first message is no ClientHello" };
    if (head.length < 4) return this.#faultOfCount();
    const length = 4 + head.readUIntBE(1, 3);
    if (length > maximumBytes) return { fault: `its ClientHello has ${length} bytes` };
    if (this.#handshakeBytes < length) return this.#faultOfCount();
    if (this.#handshakeBytes > length) return { fault: "something follows its ClientHello in the same record" };
    return readHello(Buffer.concat(this.#fragments).subarray(4));
  }

  /** Of a message that is not whole yet. */
  #faultOfCount(): HelloFault | undefined {
    if (this.#fragments.length < maximumRecords) return undefined;
    return { fault: `its ClientHello is in more than ${maximumRecords} records` };
  }

  /** The first four bytes of the message, as far as they are there. */
  #head(): Buffer {
    const [first = Buffer.alloc(0)] = this.#fragments;
    if (first.length >= 4) return first.subarray(0, 4);
    const joined = Buffer.concat(this.#fragments.slice(0, 4));
    return joined.subarray(0, 4);
  }
}

/** Whether bytes may be the beginning of TLS: as far as they go. */
export function maybeTls(bytes: Buffer): boolean {
  return bytes[0] === handshakeRecord && (bytes.length < 2 || bytes[1] === 3);
}

/** Of a record whose head is there. */
function faultOfRecord(bytes: Buffer): string | undefined {
  if (bytes[0] !== handshakeRecord) return "a record of another kind is in its ClientHello";
  if (bytes[1] !== 3) return "its records have an unknown version";
  const length = bytes.readUInt16BE(3);
  return length === 0 || length > maximumRecordBytes ? `a record of it has ${length} bytes` : undefined;
}

function readHello(body: Buffer): ClientHello | HelloFault {
  try {
    const hello = new Reader(body);
    hello.take(2 + 32);
    hello.vector(1, { most: 32 });
    const suites = hello.vector(2, { least: 2 });
    if (suites.length % 2 !== 0) throw new Malformed("its cipher suites are cut off");
    hello.vector(1, { least: 1 });
    const extensions = hello.isAtEnd ? Buffer.alloc(0) : hello.vector(2);
    hello.expectEnd();
    return readExtensions(new Reader(extensions));
  } catch (error) {
    if (error instanceof Malformed) return { fault: error.message };
    throw error;
  }
}

const serverNameExtension = 0;

function readExtensions(reader: Reader): ClientHello {
  const extensions = new Map<number, Buffer>();
  while (!reader.isAtEnd) {
    const type = reader.number(2);
    if (extensions.has(type)) throw new Malformed(`the extension ${type} is in its ClientHello twice`);
    extensions.set(type, reader.vector(2));
  }
  const names = extensions.get(serverNameExtension);
  return { serverName: names && readServerName(new Reader(names)) };
}

/** A list by its form, of exactly one host name. */
function readServerName(extension: Reader): string {
  const list = new Reader(extension.vector(2, { least: 1 }));
  extension.expectEnd();
  if (list.number(1) !== 0) throw new Malformed("its server name is of an unknown kind");
  const name = list.vector(2, { least: 1, most: 255 });
  list.expectEnd();
  if (!name.every((byte) => byte > 0x20 && byte < 0x7f)) throw new Malformed("its server name is not ASCII");
  return name.toString("latin1");
}

class Malformed extends Error {}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(count: number): Buffer {
    if (this.#at + count > this.#bytes.length) throw new Malformed("a length in its ClientHello leads past its end");
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  number(bytes: 1 | 2): number {
    return this.take(bytes).readUIntBE(0, bytes);
  }

  /** Bytes with their length before them. */
  vector(lengthBytes: 1 | 2, { least = 0, most = 65_535 } = {}): Buffer {
    const length = this.number(lengthBytes);
    if (length < least || length > most) throw new Malformed(`a part of its ClientHello has ${length} bytes`);
    return this.take(length);
  }

  expectEnd(): void {
    if (!this.isAtEnd) throw new Malformed("a part of its ClientHello is longer than what is in it");
  }
}
