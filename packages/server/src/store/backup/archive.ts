/**
 * A backup is a tar archive: manifest.json, which says what is in it, then alcove.db. It is read as something that anybody
 * may have made: bounded, and believed only where sizes and checksums agree.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { AlcoveError } from "@alcove/contract";
import { Header, Parser, type ReadEntry } from "tar";
import { z } from "zod";
import type { DatabaseCopy } from "./copy.js";

const blockBytes = 512;
const manifestLimitBytes = 1_048_576;
const manifestName = "manifest.json";
const databaseName = "alcove.db";

const Manifest = z.strictObject({
  format: z.literal("alcove-backup"),
  formatVersion: z.literal(1),
  /** Of the Alcove that made it. */
  version: z.string(),
  schema: z.int().min(1),
  createdAt: z.iso.datetime(),
  database: z.strictObject({ sizeBytes: z.int().min(1), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  sandboxes: z.int().min(0),
  /** Names of the images that these sandboxes were made of; an image's bytes are no part of a backup. */
  images: z.array(z.string()),
});
export type Manifest = z.infer<typeof Manifest>;

export interface Archive {
  readonly sizeBytes: number;
  readonly content: Readable;
}

/** The archive's bytes; the copy is closed with them. */
export function packArchive(copy: DatabaseCopy, facts: Pick<Manifest, "version" | "sandboxes" | "images">): Archive {
  const { schema, sizeBytes, sha256 } = copy;
  const manifest: Manifest = {
    ...{ format: "alcove-backup", formatVersion: 1, ...facts, schema },
    createdAt: new Date().toISOString(),
    database: { sizeBytes, sha256 },
  };
  const text = Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`);
  const before = Buffer.concat([
    header(manifestName, text.length),
    text,
    padding(text.length),
    header(databaseName, sizeBytes),
  ]);
  const after = Buffer.concat([padding(sizeBytes), Buffer.alloc(2 * blockBytes)]);
  const parts = async function* () {
    try {
      yield before;
      yield* copy.content();
      yield after;
    } finally {
      await copy.close();
    }
  };
  return {
    sizeBytes: before.length + sizeBytes + after.length,
    content: Readable.from(parts(), { objectMode: false }),
  };
}

function header(path: string, size: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  new Header({ path, size, mode: 0o600, type: "File", uid: 0, gid: 0, mtime: new Date() }).encode(block);
  return block;
}

function padding(size: number): Buffer {
  return Buffer.alloc((blockBytes - (size % blockBytes)) % blockBytes);
}

/** Writes the archive's database to a path that must not exist, and answers its manifest; throws where the two do not agree. */
export async function unpackArchive(archivePath: string, databasePath: string): Promise<Manifest> {
  const target = await open(databasePath, "wx", 0o600);
  try {
    const reading = new ArchiveReading(archivePath, target);
    const parser = new Parser({ strict: true, onReadEntry: (entry) => reading.take(entry) });
    await pipeline(createReadStream(archivePath), parser as unknown as NodeJS.WritableStream).catch(
      (error: unknown) => {
        throw reading.failure ?? unfit(archivePath, messageOf(error), error);
      },
    );
    const manifest = await reading.finish();
    await target.sync();
    return manifest;
  } finally {
    await target.close();
  }
}

/** The entries as they come; the first failure is kept, and what follows it is not looked at. */
class ArchiveReading {
  readonly #path: string;
  readonly #target: FileHandle;
  readonly #sha256 = createHash("sha256");
  #work: Promise<unknown> = Promise.resolve();
  #manifest: Manifest | undefined;
  #databaseBytes: number | undefined;
  failure: unknown;

  constructor(path: string, target: FileHandle) {
    this.#path = path;
    this.#target = target;
  }

  take(entry: ReadEntry): void {
    this.#work = this.#work
      .then(() => this.#read(entry))
      .catch((error: unknown) => {
        this.failure ??= error;
        entry.resume();
      });
  }

  async finish(): Promise<Manifest> {
    await this.#work;
    if (this.failure !== undefined) throw this.failure;
    const { database } = this.#manifest ?? this.#refuse(`it has no ${manifestName}`);
    if (this.#databaseBytes === undefined) this.#refuse(`it has no ${databaseName}`);
    if (this.#databaseBytes !== database.sizeBytes || this.#sha256.digest("hex") !== database.sha256)
      this.#refuse(`its ${databaseName} is not the one that its manifest describes`);
    return this.#manifest as Manifest;
  }

  async #read(entry: ReadEntry): Promise<void> {
    if (this.failure !== undefined) return void entry.resume();
    if (entry.path === manifestName && this.#manifest === undefined) return this.#readManifest(entry);
    if (entry.path === databaseName && this.#manifest !== undefined && this.#databaseBytes === undefined)
      return this.#readDatabase(entry, this.#manifest);
    this.#refuse(`it has an entry that does not belong there: ${JSON.stringify(entry.path.slice(0, 100))}`);
  }

  async #readManifest(entry: ReadEntry): Promise<void> {
    if (entry.size > manifestLimitBytes) this.#refuse(`its ${manifestName} has ${entry.size} bytes`);
    const chunks: Buffer[] = [];
    for await (const chunk of chunksOf(entry)) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    try {
      this.#manifest = Manifest.parse(JSON.parse(text));
    } catch (error) {
      throw unfit(this.#path, `its ${manifestName} is not one of this Alcove's`, error);
    }
  }

  async #readDatabase(entry: ReadEntry, { database }: Manifest): Promise<void> {
    if (entry.size !== database.sizeBytes)
      this.#refuse(`its ${databaseName} has ${entry.size} bytes; its manifest says ${database.sizeBytes}`);
    this.#databaseBytes = 0;
    for await (const chunk of chunksOf(entry)) {
      this.#sha256.update(chunk);
      this.#databaseBytes += chunk.byteLength;
      await this.#target.write(chunk);
    }
  }

  #refuse(reason: string): never {
    throw unfit(this.#path, reason);
  }
}

/** The entry's bytes, held back while they are not taken. */
async function* chunksOf(entry: ReadEntry): AsyncGenerator<Buffer> {
  for await (const chunk of entry) yield chunk as Buffer;
}

function unfit(path: string, reason: string, cause?: unknown): AlcoveError {
  return new AlcoveError(
    "InvalidRequest",
    `${path} is not a whole backup of Alcove's: ${reason}. Nothing was changed.`,
    {
      hint: "Take another copy of it, or another backup.",
      ...(cause !== undefined && { cause }),
    },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
