/**
 * Events as they were published. Each group has its own numbers, without a gap, and the newest 10,000 of its own: what others
 * do neither pushes them out nor shows in them. What becomes of the catalogue's images is written for every group.
 */
import type Database from "better-sqlite3";
import { all, one, write } from "./statement.js";

export const eventsKept = 10_000;

export interface EventRecord {
  readonly sequence: number;
  readonly at: number;
  /** The event without sequence and time, as JSON. */
  readonly body: string;
}

export interface EventBounds {
  /** The group's events are numbered behind it. */
  readonly begin: number;
  /** Of those that are kept; where there is none the oldest is behind the newest. */
  readonly oldest: number;
  readonly newest: number;
}

export type EventQueries = ReturnType<typeof eventQueries>;

export function eventQueries(database: Database.Database, kept = eventsKept) {
  const count = write(
    database,
    "update groups set newest_event = newest_event + 1 where @group is null or name = @group",
  );
  const insert = write(
    database,
    `insert into group_events (group_name, sequence, at, body)
     select name, newest_event, @at, @body from groups where @group is null or name = @group`,
  );
  const trim = write(
    database,
    `delete from group_events where (group_name, sequence) in
       (select name, newest_event - @kept from groups where @group is null or name = @group)`,
  );
  const remove = write(database, "delete from group_events where group_name = @group");
  const after = all<EventRecord>(
    database,
    `select sequence, at, body from group_events
     where group_name = @group and sequence > @after order by sequence limit @limit`,
  );
  const bounds = one<{ begin: number; oldest: number | null; newest: number }>(
    database,
    `select events_begin as begin, newest_event as newest, (select min(sequence) from group_events where group_name = name) as oldest
     from groups where name = @group`,
  );
  return {
    /** Of one group, or of all groups where it is null. Within a transaction. */
    append({ group, at, body }: { readonly group: string | null; readonly at: number; readonly body: string }): void {
      count({ group });
      insert({ group, at, body });
      trim({ group, kept });
    },
    removeGroup: (group: string): void => void remove({ group }),
    after: (group: string, sequence: number, limit: number): EventRecord[] => after({ group, after: sequence, limit }),
    bounds(group: string): EventBounds {
      const { begin, oldest, newest } = bounds({ group }) ?? { begin: 0, oldest: null, newest: 0 };
      return { begin, oldest: oldest ?? newest + 1, newest };
    },
  };
}
