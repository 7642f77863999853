/** Tar in memory for the fake agent's archives: ustar, with pax and GNU long names read. */
import { AlcoveError } from "@alcove/contract";

export interface TarEntry {
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly content: Buffer;
  readonly target: string;
}

const blockBytes = 512;
const kinds = { "0": "file", "\0": "file", "2": "symlink", "5": "directory" } as const;

export function packTar(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const isLong = Buffer.byteLength(entry.path) > 100;
    const long = isLong
      ? [header("././@LongLink", "L", Buffer.byteLength(entry.path)), padded(Buffer.from(entry.path))]
      : [];
    const type = entry.kind === "file" ? "0" : entry.kind === "symlink" ? "2" : "5";
    return [...long, header(entry.path.slice(0, 100), type, entry.content.length, entry), padded(entry.content)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)]);
}

export function unpackTar(tar: Buffer): TarEntry[] {
  const entries: TarEntry[] = [];
  let long: { path?: string; target?: string } = {};
  for (let at = 0; at < tar.length && tar[at] !== 0; ) {
    const block = tar.subarray(at, at + blockBytes);
    const size = octal(block, 124, 12);
    const content = tar.subarray(at + blockBytes, at + blockBytes + size);
    if (block.length < blockBytes || checksum(block) !== octal(block, 148, 8) || content.length < size)
      throw new AlcoveError("InvalidRequest", "The archive is not a tar archive, or is cut off.");
    at += blockBytes * (1 + Math.ceil(size / blockBytes));
    const type = String.fromCharCode(block[156] ?? 0);
    if (type === "L") long = { ...long, path: text(content, 0, size) };
    else if (type === "x") long = { ...long, ...readPax(content) };
    else {
      const kind = kinds[type as keyof typeof kinds];
      if (kind !== undefined) entries.push(entryOf(block, kind, content, long));
      long = {};
    }
  }
  return entries;
}

function entryOf(
  block: Buffer,
  kind: TarEntry["kind"],
  content: Buffer,
  long: { path?: string; target?: string },
): TarEntry {
  const prefix = text(block, 345, 155);
  return {
    path: long.path ?? (prefix === "" ? "" : `${prefix}/`) + text(block, 0, 100),
    kind,
    mode: octal(block, 100, 8) & 0o7777,
    uid: octal(block, 108, 8),
    gid: octal(block, 116, 8),
    content: Buffer.from(content),
    target: long.target ?? text(block, 157, 100),
  };
}

function readPax(content: Buffer): { path?: string; target?: string } {
  const found: { path?: string; target?: string } = {};
  for (const record of content.toString().matchAll(/\d+ (path|linkpath)=([^\n]*)\n/g))
    found[record[1] === "path" ? "path" : "target"] = record[2] ?? "";
  return found;
}

function header(path: string, type: string, size: number, entry?: TarEntry): Buffer {
  const block = Buffer.alloc(blockBytes);
  const number = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  block.write(path, 0);
  number(entry?.mode ?? 0, 100, 8);
  number(entry?.uid ?? 0, 108, 8);
  number(entry?.gid ?? 0, 116, 8);
  number(size, 124, 12);
  number(0, 136, 12);
  block.write(type, 156);
  block.write(entry?.target ?? "", 157);
  block.write("ustar\x0000", 257, "latin1");
  number(checksum(block), 148, 7);
  return block;
}

/** The sum of all bytes, with the checksum's own field as spaces. */
function checksum(block: Buffer): number {
  let sum = 8 * 32;
  for (const [index, byte] of block.entries()) if (index < 148 || index >= 156) sum += byte;
  return sum;
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes)]);
}

function octal(block: Buffer, at: number, length: number): number {
  return Number.parseInt(text(block, at, length).trim() || "0", 8);
}

function text(block: Buffer, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? field.length : end);
}
