/**
 * The database file: write-ahead log, every commit synced, and locked for as long as it is open, so that a data
 * directory has one daemon. The kernel lets go of the lock when the process ends, however it ends.
 */
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import Database from "better-sqlite3";
import { copyBeforeMigration } from "./backup/before-migration.js";
import { removeUnfinished } from "./backup/unfinished.js";
import { sqliteCode, translate } from "./failures.js";
import { migrate, needsMigration } from "./migrations.js";

export const databaseFile = "alcove.db";

/** The log begins anew, over what it holds, after this many pages of 4 KiB; the room is larger. */
const checkpointPages = 200;
const roomBytes = 2 * 1_048_576;

/** Opens, or makes, the database of a data directory that exists. */
export function openDatabase(directory: string): Database.Database {
  const database = open(directory);
  try {
    setUp(database);
    removeUnfinished(directory);
    const schema = needsMigration(database);
    if (schema !== undefined) copyBeforeMigration(database, directory, schema);
    migrate(database);
    keepRoom(database);
    // A deleted sandbox leaves nothing of its secrets in a copy of the database.
    database.pragma("secure_delete = ON");
    return database;
  } catch (error) {
    database.close();
    throw sqliteCode(error)?.startsWith("SQLITE_BUSY") ? inUse(directory, error) : translate(error);
  }
}

function open(directory: string): Database.Database {
  const path = join(directory, databaseFile);
  try {
    const database = new Database(path, { timeout: 1_000 });
    chmodSync(path, 0o600);
    return database;
  } catch (error) {
    throw new AlcoveError("InternalError", `The database ${path} cannot be opened: ${(error as Error).message}.`, {
      hint: "Give the daemon's user the right to write in the data directory, or choose another one with ALCOVE_DATA_DIR.",
      cause: error,
    });
  }
}

/**
 * Opens the database as it is and keeps daemons away from it. Undefined where the file is no database that could be in use;
 * throws while a daemon uses it.
 */
export function lockDatabase(directory: string): Database.Database | undefined {
  const database = open(directory);
  try {
    setUp(database);
    return database;
  } catch (error) {
    database.close();
    const code = sqliteCode(error) ?? "";
    if (code.startsWith("SQLITE_BUSY")) throw inUse(directory, error);
    if (code === "SQLITE_NOTADB" || code.startsWith("SQLITE_CORRUPT")) return undefined;
    throw translate(error);
  }
}

function setUp(database: Database.Database): void {
  database.pragma("locking_mode = EXCLUSIVE");
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  database.pragma("foreign_keys = ON");
  takeLock(database);
}

/** In exclusive locking mode a lock that was once taken is kept until the database is closed. */
function takeLock(database: Database.Database): void {
  database.exec("begin immediate; commit");
}

/**
 * Makes both files large enough for what is written while the disk is full, so that sandboxes can still be deleted then:
 * pages once written stay allocated, in the log until the database is closed and in the database as free pages.
 */
export function keepRoom(database: Database.Database): void {
  database.pragma(`wal_autocheckpoint = ${checkpointPages}`);
  database.exec("create table room (filler blob) strict");
  database.prepare("insert into room values (zeroblob(?))").run(roomBytes);
  database.exec("drop table room");
  database.pragma("wal_checkpoint(RESTART)");
}

function inUse(directory: string, cause: unknown): AlcoveError {
  return new AlcoveError("InternalError", `Another Alcove daemon uses the data directory ${directory}.`, {
    hint: "Use that daemon (`alcove status`), stop it with `alcove down`, or give this one a directory of its own with ALCOVE_DATA_DIR.",
    cause,
  });
}
