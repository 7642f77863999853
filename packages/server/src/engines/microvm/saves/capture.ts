/** Takes the pages that a stopped guest has changed out of its QEMU, and puts them back into a new one before it runs. */
import { type FileHandle, open } from "node:fs/promises";
import type { MappedFile } from "../../../host/process-memory.js";
import { DiffWriter, readDiff, readPages } from "./memory-diff.js";

/** Moved at once: so much is in this process's memory, and the event loop is free between two. */
const partBytes = 1024 * 1024;
/** Pages that are not wanted are read along where that spares a call. */
const longestGapPages = 16;

/** Writes what differs from the base, a file that the memory was mapped from; without one the base is zeros. Pages of zeros have no bytes. */
export async function captureMemory(
  mapped: MappedFile,
  to: FileHandle,
  baseFile: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly bytes: number }> {
  const base = baseFile === undefined ? undefined : await open(baseFile, "r");
  try {
    const writer = new DiffWriter(to, mapped.pageBytes);
    for await (const pages of mapped.changedPages()) {
      const longest = partBytes / mapped.pageBytes;
      for (const part of partsOf(stretchesOf(pages, longest), longest)) {
        signal.throwIfAborted();
        const read = await Promise.all(part.map((stretch) => readStretch(mapped, stretch)));
        for (const [index, stretch] of part.entries())
          await addStretch({ mapped, base, writer }, stretch, read[index] ?? Buffer.alloc(0));
        await writer.flush();
      }
    }
    return await writer.finish();
  } finally {
    await base?.close();
  }
}

interface Capture {
  readonly mapped: MappedFile;
  readonly base: FileHandle | undefined;
  readonly writer: DiffWriter;
}

/** Several stretches at once, until they are as many pages as a part has. */
export function* partsOf(
  stretches: Iterable<readonly number[]>,
  longest: number,
): Iterable<readonly (readonly number[])[]> {
  let part: (readonly number[])[] = [];
  let pages = 0;
  for (const stretch of stretches) {
    const length = (stretch.at(-1) ?? 0) - (stretch[0] ?? 0) + 1;
    if (part.length > 0 && pages + length > longest) {
      yield part;
      part = [];
      pages = 0;
    }
    part.push(stretch);
    pages += length;
  }
  if (part.length > 0) yield part;
}

async function readStretch(mapped: MappedFile, pages: readonly number[]): Promise<Buffer> {
  const first = pages[0] ?? 0;
  const bytes = Buffer.allocUnsafe(((pages.at(-1) ?? first) - first + 1) * mapped.pageBytes);
  await mapped.read(bytes, first);
  return bytes;
}

async function addStretch({ mapped, base, writer }: Capture, pages: readonly number[], bytes: Buffer): Promise<void> {
  const first = pages[0] ?? 0;
  const size = mapped.pageBytes;
  const zero = Buffer.alloc(size);
  const isZero = (page: number) => zero.equals(bytes.subarray((page - first) * size, (page - first + 1) * size));
  for (const run of runsOf(pages, isZero)) {
    const from = (run.first - first) * size;
    if (!run.isZero) writer.addData(run.first, bytes.subarray(from, from + run.count * size));
    else if (!(await isHole(base, run.first * size, run.count * size))) writer.addZeros(run.first, run.count);
  }
}

/** Where the base is zeros as well, nothing has changed. */
async function isHole(base: FileHandle | undefined, position: number, length: number): Promise<boolean> {
  if (base === undefined) return true;
  const { buffer } = await base.read(Buffer.alloc(length), 0, length, position);
  return buffer.equals(Buffer.alloc(length));
}

/** Cuts ascending pages where a gap is long or a part is full. */
export function* stretchesOf(pages: readonly number[], longest: number): Iterable<readonly number[]> {
  let from = 0;
  for (let index = 1; index <= pages.length; index++) {
    const page = pages[index];
    const isNear = page !== undefined && page - (pages[index - 1] ?? 0) <= longestGapPages;
    if (isNear && page - (pages[from] ?? 0) < longest) continue;
    yield pages.slice(from, index);
    from = index;
  }
}

function* runsOf(
  pages: readonly number[],
  isZero: (page: number) => boolean,
): Iterable<{ readonly first: number; readonly count: number; readonly isZero: boolean }> {
  let run: { first: number; count: number; isZero: boolean } | undefined;
  for (const page of pages) {
    const zero = isZero(page);
    if (run !== undefined && run.isZero === zero && run.first + run.count === page) {
      run.count++;
      continue;
    }
    if (run !== undefined) yield run;
    run = { first: page, count: 1, isZero: zero };
  }
  if (run !== undefined) yield run;
}

/** Before the guest runs its first instruction. */
export async function restoreMemory(mapped: MappedFile, from: FileHandle, signal: AbortSignal): Promise<void> {
  const diff = await readDiff(from, mapped.bytes);
  if (diff.pageBytes !== mapped.pageBytes)
    throw new Error(`its pages have ${diff.pageBytes} bytes, this host's ${mapped.pageBytes}`);
  for await (const part of readPages(diff, partBytes)) {
    signal.throwIfAborted();
    await Promise.all(part.map(({ firstPage, bytes }) => mapped.write(bytes, firstPage)));
  }
  const zeros = Buffer.alloc(partBytes);
  for (const { firstPage, pages } of diff.runs.filter(({ isZero }) => isZero)) {
    for (let done = 0; done < pages; ) {
      const count = Math.min(pages - done, partBytes / diff.pageBytes);
      await mapped.write(zeros.subarray(0, count * diff.pageBytes), firstPage + done);
      done += count;
    }
  }
}
