/** A ClientHello written by hand (RFC 8446, 4.1.2), so that it can be what no library sends. */
import { randomBytes } from "node:crypto";

export interface Hello {
  /** The names of one server_name extension; null: no such extension. */
  readonly names: readonly string[] | null;
  /** Those of a second one. */
  readonly moreNames?: readonly string[];
  /** Put where a client has its random session id and its encrypted hello: what carries the token beside the names. */
  readonly encrypted?: string;
  readonly protocols?: readonly string[];
}

/** The handshake message, without its record. */
export function clientHello({ names, moreNames, encrypted, protocols = [] }: Hello): Buffer {
  const extensions = Buffer.concat([
    ...(names === null ? [] : [extension(0, serverNames(names))]),
    extension(10, vector(2, Buffer.from([0, 29]))),
    extension(13, vector(2, Buffer.from([4, 3, 8, 4]))),
    extension(43, vector(1, Buffer.from([3, 4]))),
    extension(51, vector(2, Buffer.concat([Buffer.from([0, 29]), vector(2, randomBytes(32))]))),
    ...(moreNames === undefined ? [] : [extension(0, serverNames(moreNames))]),
    ...(encrypted === undefined ? [] : [extension(0xfe0d, Buffer.from(encrypted, "latin1"))]),
    ...(protocols.length === 0
      ? []
      : [extension(16, vector(2, Buffer.concat(protocols.map((each) => vector(1, Buffer.from(each, "latin1"))))))]),
  ]);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    randomBytes(32),
    vector(1, randomBytes(32)),
    vector(2, Buffer.from([0x13, 1, 0x13, 2])),
    vector(1, Buffer.from([0])),
    vector(2, extensions),
  ]);
  const head = Buffer.from([1, 0, 0, 0]);
  head.writeUIntBE(body.length, 1, 3);
  return Buffer.concat([head, body]);
}

/** A message in records of at most so many bytes. */
export function records(message: Buffer, mostBytes = 16_384): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += mostBytes) {
    const part = message.subarray(at, at + mostBytes);
    parts.push(Buffer.from([22, 3, 1]), vector(2, part));
  }
  return Buffer.concat(parts);
}

function serverNames(names: readonly string[]): Buffer {
  const entries = names.map((name) => Buffer.concat([Buffer.from([0]), vector(2, Buffer.from(name, "latin1"))]));
  return vector(2, Buffer.concat(entries));
}

function extension(type: number, content: Buffer): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(type);
  return Buffer.concat([head, vector(2, content)]);
}

function vector(lengthBytes: 1 | 2, content: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(content.length, 0, lengthBytes);
  return Buffer.concat([length, content]);
}
