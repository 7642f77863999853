/**
 * The names that a sandbox was given addresses for, by number. What is frozen in its memory goes on using those addresses, so a
 * number is never given to another name of the same lineage: snapshots have the rows of their sandbox, and what starts from them takes theirs.
 */
import type Database from "better-sqlite3";
import { all, write } from "./statement.js";

export interface EgressName {
  readonly index: number;
  readonly name: string;
}

export type EgressNameQueries = ReturnType<typeof egressNameQueries>;

export function egressNameQueries(database: Database.Database) {
  const add = write(
    database,
    `insert into egress_names (owner, number, name)
     select @sandboxId, @index, @name from sandboxes where id = @sandboxId and desired_state <> 'Deleted'`,
  );
  const put = write(
    database,
    "insert or replace into egress_names (owner, number, name) values (@owner, @index, @name)",
  );
  const of = all<EgressName>(
    database,
    'select number as "index", name from egress_names where owner = @owner order by number',
  );
  const copy = write(
    database,
    "insert or replace into egress_names (owner, number, name) select @to, number, name from egress_names where owner = @from",
  );
  return {
    /** Answers false where there is no such sandbox; throws where the number is another name's. */
    add: (sandboxId: string, { index, name }: EgressName): boolean => add({ sandboxId, index, name }).changes === 1,
    /** By number. */
    of: (owner: string): EgressName[] => of({ owner }),
    /** Of a snapshot or a sandbox to another one; what that one has under other numbers stays. */
    copy: (from: string, to: string): void => void copy({ from, to }),
    /** What came with an archive. */
    put(owner: string, names: readonly EgressName[]): void {
      for (const { index, name } of names) put({ owner, index, name });
    },
  };
}
