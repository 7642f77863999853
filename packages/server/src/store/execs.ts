/** Detached execs that were started: their ids outlive the daemon. What became of them, the agent knows. */
import type Database from "better-sqlite3";
import { all, one, write } from "./statement.js";

export interface ExecRecord {
  readonly id: string;
  readonly sandboxId: string;
  readonly startedAt: number;
}

export type ExecQueries = ReturnType<typeof execQueries>;

export function execQueries(database: Database.Database) {
  const insert = write(
    database,
    `insert into execs (id, sandbox_id, started_at) values (@id, @sandboxId, @startedAt)
     on conflict (sandbox_id, id) do nothing`,
  );
  const remove = write(database, "delete from execs where sandbox_id = @sandboxId and id = @id");
  const list = all<ExecRecord>(
    database,
    "select id, sandbox_id as sandboxId, started_at as startedAt from execs where sandbox_id = @sandboxId",
  );
  const count = one<{ count: number }>(database, "select count(*) as count from execs where sandbox_id = @sandboxId");
  return {
    /** Answers false when the id is there already. */
    insert: (record: ExecRecord): boolean => insert({ ...record }).changes === 1,
    remove: (sandboxId: string, id: string): void => void remove({ sandboxId, id }),
    list: (sandboxId: string): ExecRecord[] => list({ sandboxId }),
    count: (sandboxId: string): number => count({ sandboxId })?.count ?? 0,
  };
}
