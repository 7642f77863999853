/** Prepared statements whose errors are already sentences: the one door between the queries and SQLite. */
import type Database from "better-sqlite3";
import { translated } from "./failures.js";

export type Parameters = Readonly<Record<string, string | number | null | Uint8Array>>;

/** Every row of a query. */
export function all<Row>(database: Database.Database, sql: string): (parameters?: Parameters) => Row[] {
  const statement = database.prepare<[Parameters], Row>(sql);
  return (parameters = {}) => translated(() => statement.all(parameters));
}

/** The first row of a query, if there is one. */
export function one<Row>(database: Database.Database, sql: string): (parameters?: Parameters) => Row | undefined {
  const statement = database.prepare<[Parameters], Row>(sql);
  return (parameters = {}) => translated(() => statement.get(parameters));
}

/** Changes rows; answers how many, and the row id of the last one inserted. */
export function write(database: Database.Database, sql: string): (parameters?: Parameters) => Written {
  const statement = database.prepare<[Parameters]>(sql);
  return (parameters = {}) =>
    translated(() => {
      const { changes, lastInsertRowid } = statement.run(parameters);
      return { changes, rowId: Number(lastInsertRowid) };
    });
}

export interface Written {
  readonly changes: number;
  readonly rowId: number;
}
