/** Before a schema is changed its database is copied to backups/ of the data directory; the newest few are kept. */
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import type Database from "better-sqlite3";
import { translate } from "../failures.js";
import { syncSync } from "./sync.js";
import { removeUnfinished, unfinishedCopy } from "./unfinished.js";

export const copiesDirectory = "backups";
const keptCopies = 3;
const copyName = /^\d{8}T\d{9}Z-schema-\d+\.db$/;

/**
 * Answers the copy's path; it has its name when it is whole and on the disk. A disk that has no room for it keeps the schema
 * as it is: the error says so.
 */
export function copyBeforeMigration(database: Database.Database, directory: string, schema: number): string {
  const copies = join(directory, copiesDirectory);
  const time = new Date().toISOString().replace(/[-:.]/g, "");
  const path = join(copies, `${time}-schema-${schema}.db`);
  const unfinished = join(copies, unfinishedCopy());
  try {
    mkdirSync(copies, { recursive: true, mode: 0o700 });
    removeUnfinished(copies);
    database.prepare("vacuum into ?").run(unfinished);
    chmodSync(unfinished, 0o600);
    syncSync(unfinished);
    renameSync(unfinished, path);
    syncSync(copies);
  } catch (error) {
    if (existsSync(unfinished)) rmSync(unfinished);
    throw notCopied(error);
  }
  const all = readdirSync(copies)
    .filter((name) => copyName.test(name))
    .sort();
  for (const name of all.slice(0, -keptCopies)) rmSync(join(copies, name), { force: true });
  return path;
}

function notCopied(error: unknown): AlcoveError {
  const translated = translate(error);
  const reason = translated instanceof AlcoveError ? translated.message : String(error);
  const sentence = `The database could not be copied before its schema is changed: ${reason}`;
  return new AlcoveError(translated instanceof AlcoveError ? translated.code : "InternalError", sentence, {
    hint: "Free space on the disk of the data directory, then start the daemon again; the database is as it was.",
    cause: error,
  });
}
