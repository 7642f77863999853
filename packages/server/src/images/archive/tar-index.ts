/** What lies where in a tar file, so that its parts can be read in any order. Nothing is unpacked: names are only looked up. */
import { type FileHandle, open } from "node:fs/promises";
import { posix } from "node:path";
import { bad } from "../oci/documents.js";

export interface TarPart {
  readonly offset: number;
  readonly size: number;
}

const blockBytes = 512;
const maximumEntries = 100_000;
const maximumExtensionBytes = 1_048_576;
const maximumLinks = 8;

type Entry = TarPart | { readonly linkTo: string };

/** Plain files by their path; links lead to the file that they mean. */
export async function indexTar(path: string): Promise<(name: string) => TarPart | undefined> {
  await using file = await open(path, "r");
  const entries = await readEntries(file, (await file.stat()).size);
  return (name) => follow(entries, clean(name));
}

/** Refuses what does not begin as a tar does; an empty one has no block but zeros. */
export async function refuseUnlessTar(path: string): Promise<void> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  const block = await read(file, 0, blockBytes);
  if (size < blockBytes || (!isZero(block) && !hasChecksum(block))) throw bad("The bytes are no tar archive.");
}

async function readEntries(file: FileHandle, size: number): Promise<ReadonlyMap<string, Entry>> {
  const entries = new Map<string, Entry>();
  let extension: Extension = {};
  for (let offset = 0; offset + blockBytes <= size; ) {
    const block = await read(file, offset, blockBytes);
    if (isZero(block)) break;
    if (!hasChecksum(block)) throw bad(`The archive is broken at byte ${offset}: there is no tar header.`);
    const header = parseHeader(block, extension);
    const start = offset + blockBytes;
    if (start + header.size > size)
      throw bad(`The archive breaks off within ${JSON.stringify(header.name.slice(0, 100))}.`);
    offset = start + Math.ceil(header.size / blockBytes) * blockBytes;
    if ("xL".includes(header.type)) {
      extension = { ...extension, ...(await readExtension(file, { ...header, offset: start })) };
      continue;
    }
    extension = {};
    if (entries.size >= maximumEntries) throw bad(`The archive has more than ${maximumEntries} files.`);
    if (header.type === "0" || header.type === "\0")
      entries.set(clean(header.name), { offset: start, size: header.size });
    else if (header.type === "1") entries.set(clean(header.name), { linkTo: clean(header.linkName) });
    else if (header.type === "2") {
      entries.set(clean(header.name), { linkTo: clean(posix.join(posix.dirname(header.name), header.linkName)) });
    }
  }
  return entries;
}

interface Extension {
  readonly path?: string;
  readonly size?: number;
}

function parseHeader(block: Buffer, extension: Extension) {
  const prefix = block.toString("latin1", 257, 262) === "ustar" ? text(block, 345, 155) : "";
  const name = text(block, 0, 100);
  return {
    name: extension.path ?? (prefix === "" ? name : `${prefix}/${name}`),
    size: extension.size ?? number(block, 124, 12),
    type: String.fromCharCode(block[156] ?? 0),
    linkName: text(block, 157, 100),
  };
}

/** A pax header's path and size, or a long name of GNU's. */
async function readExtension(
  file: FileHandle,
  { type, size, offset }: { readonly type: string; readonly size: number; readonly offset: number },
): Promise<Extension> {
  if (size > maximumExtensionBytes) throw bad("The archive has a header that is too large.");
  const content = (await read(file, offset, size)).toString("utf8");
  if (type === "L") return { path: content.replace(/\0.*$/s, "") };
  const path = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(content)?.[1];
  const length = /(?:^|\n)\d+ size=(\d{1,15})\n/.exec(content)?.[1];
  return { ...(path !== undefined && { path }), ...(length !== undefined && { size: Number(length) }) };
}

function follow(entries: ReadonlyMap<string, Entry>, name: string): TarPart | undefined {
  let entry = entries.get(name);
  for (let links = 0; entry !== undefined && "linkTo" in entry && links < maximumLinks; links += 1) {
    entry = entries.get(entry.linkTo);
  }
  return entry !== undefined && "offset" in entry ? entry : undefined;
}

function clean(name: string): string {
  return posix.join("/", name).slice(1);
}

function hasChecksum(block: Buffer): boolean {
  let sum = 0;
  for (let index = 0; index < blockBytes; index += 1) sum += index >= 148 && index < 156 ? 32 : (block[index] ?? 0);
  return sum === number(block, 148, 8);
}

function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

function text(block: Buffer, at: number, length: number): string {
  return block.toString("utf8", at, at + length).replace(/\0.*$/s, "");
}

/** Octal, or the big-endian numbers that GNU writes where octal does not suffice. */
function number(block: Buffer, at: number, length: number): number {
  const isBinary = ((block[at] ?? 0) & 0x80) !== 0;
  const value = isBinary
    ? Number(block.readBigUInt64BE(at + length - 8))
    : Number.parseInt(text(block, at, length).trim() || "0", 8);
  return Number.isSafeInteger(value) && value >= 0 ? value : Number.NaN;
}

async function read(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, offset);
  return buffer.subarray(0, Math.max(bytesRead, 0)).length === length ? buffer : Buffer.alloc(length);
}
