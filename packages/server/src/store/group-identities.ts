/** Whom the tokens of a group may be for, and what programs inside send along when they ask for one. */
import type Database from "better-sqlite3";
import { one, write } from "./statement.js";

export interface GroupIdentityRecord {
  readonly group: string;
  /** Names, or with a * at their end what they begin with. None: the group has no identity. */
  readonly audiences: readonly string[];
  readonly tokenLifetimeSeconds: number;
  /** The same for as long as the group is there: programs that were asleep, or are copies, know no other one. */
  readonly header: string;
}

export type GroupIdentityQueries = ReturnType<typeof groupIdentityQueries>;

export function groupIdentityQueries(database: Database.Database) {
  const find = one<Row>(database, "select * from group_identities where group_name = @group");
  const put = write(
    database,
    `insert into group_identities (group_name, audiences, token_lifetime_seconds, header)
     values (@group, @audiences, @tokenLifetimeSeconds, @header)
     on conflict (group_name) do update
       set audiences = excluded.audiences, token_lifetime_seconds = excluded.token_lifetime_seconds`,
  );
  const remove = write(database, "delete from group_identities where group_name = @group");
  return {
    find(group: string): GroupIdentityRecord | undefined {
      const row = find({ group });
      return row && toRecord(row);
    },
    /** The header of one that is there stays. */
    put: ({ audiences, ...record }: GroupIdentityRecord): void =>
      void put({ ...record, audiences: JSON.stringify(audiences) }),
    removeGroup: (group: string): void => void remove({ group }),
  };
}

interface Row {
  readonly group_name: string;
  readonly audiences: string;
  readonly token_lifetime_seconds: number;
  readonly header: string;
}

function toRecord(row: Row): GroupIdentityRecord {
  return {
    group: row.group_name,
    audiences: JSON.parse(row.audiences),
    tokenLifetimeSeconds: row.token_lifetime_seconds,
    header: row.header,
  };
}
