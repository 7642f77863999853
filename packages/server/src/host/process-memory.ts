/**
 * Another process's private mapping of a file, page by page: which pages it has changed, and their bytes, through /proc. The
 * kernel asks for the rights of a debugger: root has them, others for processes in a user namespace of theirs.
 */
import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { pageBytes } from "./page-bytes.js";

/** One of the pieces that the kernel has cut the mapping into. */
interface Piece {
  readonly address: number;
  /** Offset in the file of its first byte. */
  readonly offset: number;
  readonly length: number;
}

const entryBytes = 8;
/** A stretch of the table that is read at once: 32,768 pages, looked through in a fraction of a millisecond. */
const stretchEntries = 32_768;
/** In the upper half of an entry: present, in swap, the file's own page and not a private copy. */
const [presentBit, swappedBit, filePageBit] = [1 << 31, 1 << 30, 1 << 29];

/** A process's private mapping of a file, open for reading and writing. */
export class MappedFile implements AsyncDisposable {
  readonly pageBytes: number;
  readonly bytes: number;
  readonly #pid: number;
  readonly #memory: FileHandle;
  readonly #pieces: readonly Piece[];

  private constructor(pid: number, memory: FileHandle, pieces: readonly Piece[], page: number) {
    this.#pid = pid;
    this.#memory = memory;
    this.#pieces = pieces;
    this.pageBytes = page;
    this.bytes = pieces.reduce((end, { offset, length }) => Math.max(end, offset + length), 0);
  }

  /** Fails where the process has not mapped the file, or where the kernel refuses (EACCES, EPERM). */
  static async open(pid: number, path: string): Promise<MappedFile> {
    const page = await pageBytes();
    const pieces = await findPieces(pid, path);
    return new MappedFile(pid, await open(`/proc/${pid}/mem`, "r+"), pieces, page);
  }

  /** Numbers of the pages that are the process's own, ascending. */
  async *changedPages(): AsyncIterable<readonly number[]> {
    const table = await open(`/proc/${this.#pid}/pagemap`, "r");
    try {
      for (const piece of this.#pieces) yield* this.#changedIn(table, piece);
    } finally {
      await table.close();
    }
  }

  async *#changedIn(table: FileHandle, { address, offset, length }: Piece): AsyncIterable<readonly number[]> {
    const pages = length / this.pageBytes;
    const first = offset / this.pageBytes;
    const buffer = new Uint32Array(stretchEntries * 2);
    for (let done = 0; done < pages; ) {
      const wanted = Math.min(stretchEntries, pages - done);
      const position = (address / this.pageBytes + done) * entryBytes;
      const { bytesRead } = await table.read(buffer, 0, wanted * entryBytes, position);
      const entries = Math.floor(bytesRead / entryBytes);
      if (entries === 0) throw new Error(`the process ${this.#pid} has ended`);
      yield changedAmong(buffer, entries, first + done);
      done += entries;
    }
  }

  /** Reads whole pages, of one stretch of the file. */
  async read(into: Uint8Array, firstPage: number): Promise<void> {
    await this.#move(into, firstPage, (part, address) => this.#memory.read(part, 0, part.length, address));
  }

  /** Writes whole pages, of one stretch of the file; the file itself stays as it is. */
  async write(from: Uint8Array, firstPage: number): Promise<void> {
    await this.#move(from, firstPage, (part, address) => this.#memory.write(part, 0, part.length, address));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#memory.close();
  }

  async #move(
    bytes: Uint8Array,
    firstPage: number,
    move: (part: Uint8Array, address: number) => Promise<{ bytesRead: number } | { bytesWritten: number }>,
  ): Promise<void> {
    let offset = firstPage * this.pageBytes;
    for (let done = 0; done < bytes.length; ) {
      const piece = this.#pieces.find((each) => offset >= each.offset && offset < each.offset + each.length);
      if (piece === undefined) throw new RangeError(`page ${firstPage} is outside the ${this.bytes} bytes mapped`);
      const end = Math.min(bytes.length, done + piece.offset + piece.length - offset);
      const moved = await move(bytes.subarray(done, end), piece.address + offset - piece.offset);
      const count = "bytesRead" in moved ? moved.bytesRead : moved.bytesWritten;
      if (count === 0) throw new Error(`the process ${this.#pid} has ended`);
      done += count;
      offset += count;
    }
  }
}

function changedAmong(table: Uint32Array, entries: number, first: number): readonly number[] {
  const changed: number[] = [];
  for (let index = 0; index < entries; index++) {
    const flags = table[index * 2 + 1] ?? 0;
    const isOwn = (flags & swappedBit) !== 0 || ((flags & presentBit) !== 0 && (flags & filePageBit) === 0);
    if (isOwn) changed.push(first + index);
  }
  return changed;
}

/** Found by the file's number: the process may see it under another path. */
async function findPieces(pid: number, path: string): Promise<readonly Piece[]> {
  const { ino } = await stat(path);
  const maps = await readFile(`/proc/${pid}/maps`, "utf8");
  const pieces = maps.split("\n").flatMap((line) => {
    const [range = "", rights = "", offset = "", , inode] = line.split(/\s+/);
    if (Number(inode) !== ino || !rights.endsWith("p")) return [];
    const [from = 0, to = 0] = range.split("-").map((hex) => Number.parseInt(hex, 16));
    return [{ address: from, offset: Number.parseInt(offset, 16), length: to - from }];
  });
  if (pieces.length === 0) throw new Error(`the process ${pid} has not mapped ${path}`);
  return pieces.toSorted((one, other) => one.offset - other.offset);
}
