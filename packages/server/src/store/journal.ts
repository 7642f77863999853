/**
 * The journal: one entry for each operation of several steps that is under way. The step is written before its effect,
 * so after a crash the entry says how far the operation may have come; when it is over the entry is gone.
 */
import type Database from "better-sqlite3";
import { all, write } from "./statement.js";

export type Operation = "create" | "exec" | "delete" | "stop" | "resume" | "rollback";

export interface JournalEntry {
  readonly number: number;
  readonly operation: Operation;
  readonly sandboxId: string;
  readonly execId: string | null;
  readonly step: string;
  readonly at: number;
}

export type JournalQueries = ReturnType<typeof journalQueries>;

export function journalQueries(database: Database.Database) {
  const insert = write(
    database,
    `insert into journal (operation, sandbox_id, exec_id, step, at)
     values (@operation, @sandboxId, @execId, @step, @at)`,
  );
  const move = write(database, "update journal set step = @step, at = @at where number = @number");
  const remove = write(database, "delete from journal where number = @number");
  const removeOf = write(database, "delete from journal where sandbox_id = @sandboxId");
  const removeExecs = write(database, "delete from journal where sandbox_id = @sandboxId and operation = 'exec'");
  const list = all<JournalEntry>(
    database,
    `select number, operation, sandbox_id as sandboxId, exec_id as execId, step, at from journal order by number`,
  );
  return {
    /** Writes the first step; answers the entry's number. */
    begin: (entry: Omit<JournalEntry, "number">): number => insert({ ...entry }).rowId,
    advance: (number: number, step: string, at: number): void => void move({ number, step, at }),
    finish: (number: number): void => void remove({ number }),
    /** Ends whatever was under way for a sandbox. */
    finishAll: (sandboxId: string): void => void removeOf({ sandboxId }),
    finishExecs: (sandboxId: string): void => void removeExecs({ sandboxId }),
    list: (): JournalEntry[] => list(),
  };
}
