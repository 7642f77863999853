/**
 * The pages by which a guest's memory differs from the file that it was mapped from, as a file: a header of one block, the
 * pages one after the other, and a table of runs. A run that is zeros has no bytes. The header is written last.
 *
 * Header, little-endian: magic, 16 bytes · bytes of a page, 4 · runs, 4 · pages with bytes, 8 · CRC-32 of pages and table, 4.
 * A run: first page, 4 · pages, 4, of which the highest bit says that they are zeros.
 */
import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { type MemoryBytes, openPacked } from "./memory-packing.js";

const magic = Buffer.from("ALCOVE-MEMORY-1\n", "latin1");
const headerBytes = 4096;
const headerEnd = 36;
const runBytes = 8;
const zeroBit = 0x8000_0000;

export interface Run {
  readonly firstPage: number;
  readonly pages: number;
  readonly isZero: boolean;
}

/** Takes pages in ascending order. */
export class DiffWriter {
  readonly #file: FileHandle;
  readonly #pageBytes: number;
  readonly #runs: Run[] = [];
  readonly #pending: Uint8Array[] = [];
  #dataPages = 0;
  #writtenPages = 0;
  #checksum = 0;

  constructor(file: FileHandle, pageBytes: number) {
    this.#file = file;
    this.#pageBytes = pageBytes;
  }

  /** The bytes are kept until they are flushed. */
  addData(firstPage: number, bytes: Uint8Array): void {
    const pages = bytes.length / this.#pageBytes;
    this.#extend({ firstPage, pages, isZero: false });
    this.#dataPages += pages;
    this.#checksum = crc32(bytes, this.#checksum);
    this.#pending.push(bytes);
  }

  /** In one write: a call for every run would cost more than its bytes. */
  async flush(): Promise<void> {
    if (this.#pending.length === 0) return;
    const bytes = Buffer.concat(this.#pending.splice(0));
    const position = headerBytes + this.#writtenPages * this.#pageBytes;
    this.#writtenPages = this.#dataPages;
    await writeFully(this.#file, bytes, position);
  }

  addZeros(firstPage: number, pages: number): void {
    this.#extend({ firstPage, pages, isZero: true });
  }

  async finish(): Promise<{ readonly bytes: number }> {
    await this.flush();
    const table = Buffer.alloc(this.#runs.length * runBytes);
    for (const [index, { firstPage, pages, isZero }] of this.#runs.entries()) {
      table.writeUInt32LE(firstPage, index * runBytes);
      table.writeUInt32LE((pages | (isZero ? zeroBit : 0)) >>> 0, index * runBytes + 4);
    }
    const position = headerBytes + this.#dataPages * this.#pageBytes;
    await writeFully(this.#file, table, position);
    const header = Buffer.alloc(headerBytes);
    magic.copy(header);
    header.writeUInt32LE(this.#pageBytes, 16);
    header.writeUInt32LE(this.#runs.length, 20);
    header.writeBigUInt64LE(BigInt(this.#dataPages), 24);
    header.writeUInt32LE(crc32(table, this.#checksum), 32);
    await writeFully(this.#file, header, 0);
    return { bytes: position + table.length };
  }

  #extend(run: Run): void {
    const last = this.#runs.at(-1);
    const continues = last?.isZero === run.isZero && last.firstPage + last.pages === run.firstPage;
    if (continues) this.#runs[this.#runs.length - 1] = { ...last, pages: last.pages + run.pages };
    else this.#runs.push(run);
  }
}

export interface MemoryDiff {
  readonly pageBytes: number;
  readonly runs: readonly Run[];
  readonly dataPages: number;
  /** As it lies in the file. */
  readonly table: Uint8Array;
  readonly checksum: number;
  /** What its pages are read from. */
  readonly source: MemoryBytes;
}

/** In either of its forms (memory-packing.ts). Refuses what is not whole, or would write past the memory's end; the pages themselves are looked at as they are read. */
export async function readDiff(kept: FileHandle, memoryBytes: number): Promise<MemoryDiff> {
  const file = (await openPacked(kept)) ?? kept;
  const header = await readFully(file, headerBytes, 0);
  if (!header.subarray(0, magic.length).equals(magic)) throw new Error("it has no header of a memory");
  const page = header.readUInt32LE(16);
  const count = header.readUInt32LE(20);
  const dataPages = Number(header.readBigUInt64LE(24));
  const { size } = await file.stat();
  const fits =
    page >= 512 && memoryBytes % page === 0 && count <= memoryBytes / page && dataPages <= memoryBytes / page;
  const expected = headerBytes + dataPages * page + count * runBytes;
  if (!fits || size !== expected) throw new Error(`it has ${size} bytes, and its header says ${expected}`);
  const table = await readFully(file, count * runBytes, headerBytes + dataPages * page);
  const runs = Array.from({ length: count }, (_, index) => runAt(table, index * runBytes));
  checkRuns(runs, { pages: memoryBytes / page, dataPages });
  return { pageBytes: page, runs, dataPages, table, checksum: header.readUInt32LE(headerEnd - 4), source: file };
}

/** The pages with bytes, in order, in parts of no more than `partBytes`. Throws behind the last one where they are not as they were written. */
export async function* readPages(
  diff: MemoryDiff,
  partBytes: number,
): AsyncIterable<readonly { readonly firstPage: number; readonly bytes: Uint8Array }[]> {
  const slices = slicesOf(diff, Math.max(1, Math.floor(partBytes / diff.pageBytes)));
  let at = headerBytes;
  let checksum = 0;
  for (const part of slices) {
    const pages = part.reduce((sum, slice) => sum + slice.pages, 0);
    const bytes = await readFully(diff.source, pages * diff.pageBytes, at);
    at += bytes.length;
    checksum = crc32(bytes, checksum);
    let from = 0;
    yield part.map((slice) => {
      const end = from + slice.pages * diff.pageBytes;
      const taken = { firstPage: slice.firstPage, bytes: bytes.subarray(from, end) };
      from = end;
      return taken;
    });
  }
  if (crc32(diff.table, checksum) !== diff.checksum) throw new Error("its pages are not as they were written");
}

/** Groups of runs, cut where they are longer than a part. */
function* slicesOf(diff: MemoryDiff, partPages: number): Iterable<{ firstPage: number; pages: number }[]> {
  let part: { firstPage: number; pages: number }[] = [];
  let room = partPages;
  for (const run of diff.runs) {
    if (run.isZero) continue;
    for (let done = 0; done < run.pages; ) {
      const pages = Math.min(room, run.pages - done);
      part.push({ firstPage: run.firstPage + done, pages });
      done += pages;
      room -= pages;
      if (room > 0) continue;
      yield part;
      part = [];
      room = partPages;
    }
  }
  if (part.length > 0) yield part;
}

function runAt(table: Buffer, at: number): Run {
  const count = table.readUInt32LE(at + 4);
  return { firstPage: table.readUInt32LE(at), pages: count & ~zeroBit, isZero: (count & zeroBit) !== 0 };
}

function checkRuns(runs: readonly Run[], { pages, dataPages }: { pages: number; dataPages: number }): void {
  let next = 0;
  let data = 0;
  for (const run of runs) {
    const end = run.firstPage + run.pages;
    if (run.pages === 0 || run.firstPage < next || end > pages) throw new Error("its table of pages is not in order");
    if (!run.isZero) data += run.pages;
    next = end;
  }
  if (data !== dataPages) throw new Error("its table of pages is not that of its pages");
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

async function readFully(file: MemoryBytes, length: number, position: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) throw new Error(`it ends after ${position + done} bytes`);
    done += bytesRead;
  }
  return bytes;
}
