/**
 * A kept memory in less room: the file of memory-diff.ts cut into chunks, each deflated by itself, so that it is read from front
 * to end without unpacking all of it. Whoever reads a kept memory reads either form. Header, little-endian: magic, 16 bytes · bytes of
 * the whole, 8 · bytes of a chunk, 4 · chunks, 4 · of each chunk its deflated bytes, 4; then the chunks.
 */
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";
import { freeSpace } from "../../../host/free-space.js";
import { syncPath } from "../../../host/write-durably.js";

const magic = Buffer.from("ALCOVE-PACKED-1\n", "latin1");
const headerBytes = 32;
const chunkBytes = 1024 * 1024;
const lengthBytes = 4;
/** Most of what can be won, for the least of the processor's time. */
const level = 1;
const deflated = promisify(deflateRaw);
const inflated = promisify(inflateRaw);

/** What a kept memory is read from. */
export interface MemoryBytes {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
  stat(): Promise<{ readonly size: number }>;
}

/** Undefined where the file is not packed. Throws where it is, and not whole. */
export async function openPacked(file: MemoryBytes): Promise<MemoryBytes | undefined> {
  const header = Buffer.alloc(headerBytes);
  const { bytesRead } = await file.read(header, 0, headerBytes, 0);
  if (bytesRead < headerBytes || !header.subarray(0, magic.length).equals(magic)) return undefined;
  const size = Number(header.readBigUInt64LE(16));
  const [chunk, count] = [header.readUInt32LE(24), header.readUInt32LE(28)];
  const found = (await file.stat()).size;
  const dataAt = headerBytes + count * lengthBytes;
  if (chunk !== chunkBytes || count !== Math.ceil(size / chunk) || dataAt > found) throw broken();
  const table = Buffer.alloc(count * lengthBytes);
  if ((await file.read(table, 0, table.length, headerBytes)).bytesRead < table.length) throw broken();
  const ends: number[] = [];
  for (let index = 0; index < count; index++)
    ends.push((ends.at(-1) ?? dataAt) + table.readUInt32LE(index * lengthBytes));
  if ((ends.at(-1) ?? dataAt) !== found) throw broken();
  return new PackedMemory(file, { size, ends, dataAt });
}

interface Plan {
  /** Of the whole, unpacked. */
  readonly size: number;
  /** Where each chunk ends in the file. */
  readonly ends: readonly number[];
  readonly dataAt: number;
}

class PackedMemory implements MemoryBytes {
  readonly #file: MemoryBytes;
  readonly #plan: Plan;
  /** The last two that were asked for: a part may begin in one and end in the next. */
  readonly #chunks = new Map<number, Promise<Buffer>>();

  constructor(file: MemoryBytes, plan: Plan) {
    this.#file = file;
    this.#plan = plan;
  }

  async stat() {
    return { size: this.#plan.size };
  }

  async read(buffer: Buffer, offset: number, length: number, position: number) {
    const index = Math.floor(position / chunkBytes);
    if (index >= this.#plan.ends.length) return { bytesRead: 0 };
    const chunk = await this.#chunk(index);
    const from = position - index * chunkBytes;
    return { bytesRead: chunk.copy(buffer, offset, from, Math.min(chunk.length, from + length)) };
  }

  #chunk(index: number): Promise<Buffer> {
    const known = this.#chunks.get(index) ?? this.#unpack(index);
    this.#chunks.set(index, known);
    for (const other of this.#chunks.keys()) if (Math.abs(other - index) > 1) this.#chunks.delete(other);
    return known;
  }

  async #unpack(index: number): Promise<Buffer> {
    const { ends, dataAt, size } = this.#plan;
    const from = ends[index - 1] ?? dataAt;
    const bytes = Buffer.allocUnsafe((ends[index] ?? from) - from);
    if ((await this.#file.read(bytes, 0, bytes.length, from)).bytesRead < bytes.length) throw broken();
    const expected = Math.min(chunkBytes, size - index * chunkBytes);
    const chunk = await inflated(bytes, { maxOutputLength: chunkBytes }).catch(() => undefined);
    if (chunk?.length !== expected) throw broken();
    return chunk;
  }
}

function broken(): Error {
  return new Error("its packed pages are not as they were written");
}

/** Puts the packed form in the file's place; killed anywhere, one whole form is there. False where that would not take less. */
export async function packMemory(path: string, signal: AbortSignal): Promise<boolean> {
  const packed = `${path}.packed`;
  await using from = await open(path, "r");
  const { size, nlink } = await from.stat();
  if (nlink > 1 || (await openPacked(from)) !== undefined) return false;
  if ((await freeSpace(path)).freeBytes < 2 * size) throw new Error("the host's disk has no room for both forms of it");
  await rm(packed, { force: true });
  try {
    const bytes = await writePacked(from, { path: packed, size }, signal);
    if (bytes >= size) {
      await rm(packed, { force: true });
      return false;
    }
    signal.throwIfAborted();
    await rename(packed, path);
  } catch (error) {
    await rm(packed, { force: true });
    throw error;
  }
  return true;
}

async function writePacked(
  from: FileHandle,
  { path, size }: { readonly path: string; readonly size: number },
  signal: AbortSignal,
): Promise<number> {
  const count = Math.ceil(size / chunkBytes);
  const header = Buffer.alloc(headerBytes + count * lengthBytes);
  magic.copy(header);
  header.writeBigUInt64LE(BigInt(size), 16);
  header.writeUInt32LE(chunkBytes, 24);
  header.writeUInt32LE(count, 28);
  let at = header.length;
  {
    await using to = await open(path, "wx", 0o600);
    for (let index = 0; index < count; index++) {
      signal.throwIfAborted();
      const length = Math.min(chunkBytes, size - index * chunkBytes);
      const raw = Buffer.allocUnsafe(length);
      if ((await from.read(raw, 0, length, index * chunkBytes)).bytesRead < length) throw broken();
      const chunk = await deflated(raw, { level });
      header.writeUInt32LE(chunk.length, headerBytes + index * lengthBytes);
      await to.write(chunk, 0, chunk.length, at);
      at += chunk.length;
    }
    await to.write(header, 0, header.length, 0);
  }
  await syncPath(path);
  return at;
}
