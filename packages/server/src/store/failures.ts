/** SQLite's errors as errors of the catalogue: what happened to the database, and what to do next. Paths stay in the cause. */
import { AlcoveError } from "@alcove/contract";

/** Runs the work; a SQLite error that a person can act on becomes a sentence, every other one passes as it is. */
export function translated<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw translate(error);
  }
}

export function translate(error: unknown): unknown {
  const code = sqliteCode(error);
  if (code === undefined && (error as { code?: unknown } | undefined)?.code !== "ENOSPC") return error;
  if (code === undefined || code === "SQLITE_FULL" || isFullDisk(error)) {
    return new AlcoveError("DiskFull", "The disk that holds Alcove's database is full; nothing was changed.", {
      cause: error,
    });
  }
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB") return damaged(error);
  if (code.startsWith("SQLITE_IOERR")) {
    return new AlcoveError("InternalError", `Alcove's database could not be read or written (${code}).`, {
      hint: "Look for errors of the disk with dmesg; then start the daemon again.",
      cause: error,
    });
  }
  return error;
}

/** The code of an error that SQLite raised. */
export function sqliteCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" && code.startsWith("SQLITE_") ? code : undefined;
}

function isFullDisk(error: unknown): boolean {
  return error instanceof Error && /no space|disk is full/i.test(error.message);
}

function damaged(cause: unknown): AlcoveError {
  return new AlcoveError("InternalError", "Alcove's database is damaged: SQLite cannot make sense of alcove.db.", {
    hint: "Stop the daemon, move alcove.db, alcove.db-wal and alcove.db-shm out of the data directory (or put a copy back), and start it again.",
    cause,
  });
}
