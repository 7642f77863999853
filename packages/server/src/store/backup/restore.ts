/**
 * Puts a backup in the place of a data directory's database, while no daemon runs. Everything is checked beside it first;
 * the last step is one rename, so that there is the old database or the new one, whole.
 */
import { existsSync, linkSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import Database from "better-sqlite3";
import { databaseFile, lockDatabase } from "../database.js";
import { translate } from "../failures.js";
import { checkSchema } from "../migrations.js";
import { type Manifest, unpackArchive } from "./archive.js";
import { syncSync } from "./sync.js";
import { restoring } from "./unfinished.js";

export interface Restored {
  readonly manifest: Manifest;
  /** Where the database is that was there before. */
  readonly replaced: string | undefined;
}

export interface RestoreOptions {
  readonly archivePath: string;
  readonly dataDirectory: string;
  /** Replace a database that is there. */
  readonly force: boolean;
}

export async function restoreBackup({ archivePath, dataDirectory, force }: RestoreOptions): Promise<Restored> {
  const present = join(dataDirectory, databaseFile);
  const workplace = mkdtempSync(join(dataDirectory, restoring));
  const staged = join(workplace, databaseFile);
  try {
    using lock = existsSync(present) ? holdPresent(dataDirectory, force) : undefined;
    const manifest = await unpackArchive(archivePath, staged);
    if (lock === undefined && existsSync(present)) throw hasDatabase(dataDirectory);
    examine(staged, manifest, archivePath);
    const replaced = lock && putAside(present);
    if (lock === undefined) linkSync(staged, present);
    else renameSync(staged, present);
    syncSync(dataDirectory);
    return { manifest, replaced };
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "EEXIST" ? hasDatabase(dataDirectory) : translate(error);
  } finally {
    rmSync(workplace, { recursive: true, force: true });
  }
}

/** Keeps daemons away from the database that is there; one that is damaged has none to keep away. */
function holdPresent(directory: string, force: boolean): Disposable {
  if (!force) throw hasDatabase(directory);
  const database = lockDatabase(directory);
  // Without a log of its own it leaves the log of the database that takes its place alone.
  database?.pragma("journal_mode = DELETE");
  database?.exec("begin exclusive");
  return { [Symbol.dispose]: () => void database?.close() };
}

function hasDatabase(directory: string): AlcoveError {
  return new AlcoveError("InvalidRequest", `The data directory ${directory} has a database. Nothing was changed.`, {
    hint: "With --force it is put aside and replaced: sandboxes that are not in the backup are then removed by the next daemon, with what is in them.",
  });
}

function examine(path: string, manifest: Manifest, archivePath: string): void {
  const database = new Database(path, { readonly: true });
  try {
    const schema = Number(database.pragma("user_version", { simple: true }));
    const verdict = String(database.pragma("integrity_check(1)", { simple: true }));
    if (schema !== manifest.schema || verdict !== "ok") {
      const seen = verdict === "ok" ? `schema ${schema} where its manifest says ${manifest.schema}` : verdict;
      throw new AlcoveError(
        "InvalidRequest",
        `The database in ${archivePath} is damaged: ${seen}. Nothing was changed.`,
        {
          hint: "Take another backup.",
        },
      );
    }
    checkSchema(schema);
  } finally {
    database.close();
    for (const suffix of ["-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
  }
}

function putAside(path: string): string {
  const time = new Date().toISOString().replace(/[-:.]/g, "");
  const aside = `${path}.replaced-${time}`;
  linkSync(path, aside);
  syncSync(dirname(path));
  for (const suffix of ["-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
  return aside;
}
