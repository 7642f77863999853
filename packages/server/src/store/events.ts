/** Events as they were published: numbered without a gap, the newest 10,000 kept. */
import type Database from "better-sqlite3";
import { all, one, write } from "./statement.js";

export const eventsKept = 10_000;

export interface EventRecord {
  readonly sequence: number;
  readonly at: number;
  /** The event without sequence and time, as JSON. */
  readonly body: string;
}

export type EventQueries = ReturnType<typeof eventQueries>;

export function eventQueries(database: Database.Database, kept = eventsKept) {
  const insert = write(database, "insert into events (group_name, at, body) values (@group, @at, @body)");
  const trim = write(database, "delete from events where sequence <= @sequence");
  const after = all<EventRecord>(
    database,
    `select sequence, at, body from events
     where sequence > @after and (group_name = @group or group_name is null) order by sequence limit @limit`,
  );
  const disown = write(database, "update events set group_name = '' where group_name = @group");
  const bounds = one<{ oldest: number | null; newest: number | null }>(
    database,
    "select (select min(sequence) from events) as oldest, (select max(sequence) from events) as newest",
  );
  return {
    /** Of one group, or of all groups where it is null. Answers its number. */
    append(event: { readonly group: string | null; readonly at: number; readonly body: string }): number {
      const { rowId } = insert({ ...event });
      trim({ sequence: rowId - kept });
      return rowId;
    },
    /** Its events are nobody's from now on: a group that is created later under its name does not see them. */
    disown: (group: string): void => void disown({ group }),
    after: (group: string, sequence: number, limit: number): EventRecord[] => after({ group, after: sequence, limit }),
    /** The numbers of the oldest and the newest event that are kept; 1 and 0 when there is none. */
    bounds(): { readonly oldest: number; readonly newest: number } {
      const found = bounds();
      return { oldest: found?.oldest ?? 1, newest: found?.newest ?? 0 };
    },
  };
}
