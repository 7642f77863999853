/** A consistent copy of the open database, taken while it is used: SQLite's online backup. */
import { createHash } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type Database from "better-sqlite3";
import { translate } from "../failures.js";
import { unfinishedCopy } from "./unfinished.js";

export interface DatabaseCopy {
  readonly schema: number;
  readonly sizeBytes: number;
  readonly sha256: string;
  content(): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

const chunkBytes = 262_144;

/** The copy has no name any more when this answers: it is gone with its handle, however the daemon ends. */
export async function copyDatabase(database: Database.Database, directory: string): Promise<DatabaseCopy> {
  const path = join(directory, unfinishedCopy());
  let file: FileHandle | undefined;
  try {
    file = await open(path, "wx+", 0o600);
    await database.backup(path);
    const schema = Number(database.pragma("user_version", { simple: true }));
    return describe(file, schema, await fingerprint(file));
  } catch (error) {
    await file?.close();
    throw translate(error);
  } finally {
    for (const name of [path, `${path}-journal`, `${path}-wal`]) await rm(name, { force: true });
  }
}

function describe(file: FileHandle, schema: number, found: { sizeBytes: number; sha256: string }): DatabaseCopy {
  return { schema, ...found, content: () => chunks(file), close: () => file.close() };
}

async function fingerprint(file: FileHandle): Promise<{ sizeBytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const chunk of chunks(file)) {
    hash.update(chunk);
    sizeBytes += chunk.byteLength;
  }
  return { sizeBytes, sha256: hash.digest("hex") };
}

async function* chunks(file: FileHandle): AsyncGenerator<Buffer> {
  for (let position = 0; ; ) {
    const buffer = Buffer.alloc(chunkBytes);
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
