/** Bytes as they were before they were compressed: gzip and zstd are told by their first bytes, whatever a name or type says. */
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { AlcoveError } from "@alcove/contract";
import { FilterError, filterThrough } from "../../host/filter.js";

const magics = [
  { kind: "gzip", bytes: [0x1f, 0x8b] },
  { kind: "zstd", bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { kind: "xz", bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { kind: "bzip2", bytes: [0x42, 0x5a, 0x68] },
] as const;
const sniffedBytes = 5;

export interface DecompressOptions {
  readonly signal: AbortSignal;
  /** For a program that does it. */
  readonly onStart?: (pid: number) => void;
}

export async function* decompressed(
  chunks: AsyncIterable<Uint8Array>,
  options: DecompressOptions,
): AsyncGenerator<Uint8Array> {
  const { head, rest } = await sniff(chunks);
  const kind = magics.find(({ bytes }) => bytes.every((byte, index) => head[index] === byte))?.kind;
  if (kind === "gzip") yield* gunzipped(rest, options.signal);
  else if (kind === "zstd") yield* unzstd(rest, options);
  else if (kind !== undefined) throw unknownCompression(kind);
  else yield* rest;
}

/** The first bytes, and all of them again. */
async function sniff(chunks: AsyncIterable<Uint8Array>) {
  const iterator = chunks[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < sniffedBytes) {
    const next = await iterator.next();
    if (next.done) break;
    first.push(next.value);
    length += next.value.length;
  }
  return { head: Buffer.concat(first).subarray(0, sniffedBytes), rest: joined(first, iterator) };
}

async function* joined(first: readonly Uint8Array[], iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* first;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}

async function* gunzipped(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const source = Readable.from(chunks, { objectMode: false });
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  try {
    for await (const chunk of pipeline(source, gunzip, () => undefined)) {
      signal.throwIfAborted();
      yield chunk as Buffer;
    }
  } catch (error) {
    if (isZlibError(error)) throw broken("gzip")(error);
    throw error;
  } finally {
    source.destroy();
  }
}

/** Node's own zlib has no zstd before 22. */
async function* unzstd(chunks: AsyncIterable<Uint8Array>, options: DecompressOptions): AsyncGenerator<Uint8Array> {
  try {
    yield* filterThrough("zstd", ["-dcq", "-"], chunks, options);
  } catch (error) {
    if (error instanceof FilterError) throw broken("zstd")(error);
    throw error;
  }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && /^Z_/.test(String((error as NodeJS.ErrnoException).code));
}

function broken(kind: string): (cause: unknown) => AlcoveError {
  return (cause) =>
    new AlcoveError("InvalidRequest", `What says that it is ${kind} is broken or breaks off.`, {
      hint: "Send it again, or make it anew.",
      cause,
    });
}

function unknownCompression(kind: string): AlcoveError {
  return new AlcoveError("InvalidRequest", `The bytes are compressed with ${kind}; gzip and zstd are understood.`, {
    hint: `Send them uncompressed: ${kind === "xz" ? "xz -dc" : "bzip2 -dc"} FILE.`,
  });
}
