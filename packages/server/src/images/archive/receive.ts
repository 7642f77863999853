/** Takes the bytes of an image that a client sends: onto the disk, uncompressed, within bounds, and looked at before they are believed. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { AlcoveError } from "@alcove/contract";
import { emptyConfig } from "../image.js";
import { decompressed } from "../oci/decompress.js";
import { maximumLayerBytes } from "../oci/layer-stream.js";
import type { LayeredImage } from "../oci/layered-image.js";
import { whileRoom } from "../room.js";
import { openPlainWorkplace, type PlainWorkplace } from "../workplace.js";
import { readArchiveImage } from "./archive-image.js";
import { refuseUnlessTar } from "./tar-index.js";

/** What was sent, as layers. Its disposal removes the bytes. */
export interface Upload extends AsyncDisposable {
  readonly image: LayeredImage;
}

export interface ReceiveOptions {
  /** Where contents are kept; the bytes lie beside them meanwhile. */
  readonly directory: string;
  readonly format: "archive" | "tar";
  readonly signal: AbortSignal;
  /** Free space that has to be left. */
  readonly spareBytes: number;
  /** How long nothing may come; 60 s when left out. */
  readonly stallMs?: number;
}

const usualStallMs = 60_000;
/** Several layers, each of which fits onto a disk. */
const maximumUploadBytes = 4 * maximumLayerBytes;

export async function receiveUpload(content: AsyncIterable<Uint8Array>, options: ReceiveOptions): Promise<Upload> {
  const place = await openPlainWorkplace(options.directory);
  try {
    const path = join(place.directory, "content.tar");
    const hash = createHash("sha256");
    const what = {
      maximumBytes: maximumUploadBytes,
      what: "image",
      onChunk: (chunk: Uint8Array) => void hash.update(chunk),
    };
    await spool(content, { path, place, ...what }, options);
    await refuseUnlessTar(path);
    const image = options.format === "archive" ? await readArchiveImage(path) : treeImage(path, hash);
    return { image, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
  } catch (error) {
    await place[Symbol.asyncDispose]();
    throw error;
  }
}

interface Spooled {
  readonly path: string;
  readonly place: PlainWorkplace;
  readonly maximumBytes: number;
  /** For sentences. */
  readonly what: string;
  readonly onChunk?: (chunk: Uint8Array) => void;
}

/** Bytes of a client's into a file, uncompressed. */
export async function spool(
  content: AsyncIterable<Uint8Array>,
  spooled: Spooled,
  { signal, spareBytes, stallMs = usualStallMs }: Omit<ReceiveOptions, "format">,
): Promise<void> {
  const { path, place, what } = spooled;
  const arriving = withoutStall(content, stallMs, what);
  const plain = decompressed(arriving, { signal, onStart: place.onStart });
  const fitting = whileRoom(plain, { path: place.directory, spareBytes, what: `Taking the ${what}` });
  await pipeline(bounded(fitting, spooled), createWriteStream(path, { flags: "wx", mode: 0o600 }), { signal });
}

async function* bounded(chunks: AsyncIterable<Uint8Array>, spooled: Spooled): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > spooled.maximumBytes) throw tooLarge(spooled);
    spooled.onChunk?.(chunk);
    yield chunk;
  }
}

/** Throws where the next bytes do not come in time. */
export async function* withoutStall(
  chunks: AsyncIterable<Uint8Array>,
  stallMs: number,
  what: string,
): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await inTime(iterator.next(), stallMs, what);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    void iterator.return?.().catch(() => undefined);
  }
}

async function inTime<T>(promise: Promise<T>, stallMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(stalled(stallMs, what)), stallMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A root file system is one layer. */
function treeImage(path: string, hash: Hash): LayeredImage {
  const diffId = `sha256:${hash.digest("hex")}`;
  return {
    config: emptyConfig,
    source: { kind: "tar" },
    layers: [{ diffId, open: () => createReadStream(path, { highWaterMark: 1_048_576 }) }],
  };
}

function tooLarge({ maximumBytes, what }: Spooled): AlcoveError {
  const gibibytes = maximumBytes / 2 ** 30;
  return new AlcoveError("InvalidRequest", `The ${what} unpacks to more than ${gibibytes} GiB.`, {
    hint: "Send less.",
  });
}

function stalled(stallMs: number, what: string): AlcoveError {
  return new AlcoveError("Timeout", `The bytes of the ${what} stopped coming for ${stallMs / 1_000} s.`, {
    field: "body",
  });
}
