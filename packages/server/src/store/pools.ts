/** Warm pools on record: what they shall hold. */
import type { Size } from "@alcove/contract";
import type Database from "better-sqlite3";
import { all, one, write } from "./statement.js";

export interface PoolRecord {
  readonly group: string;
  readonly name: string;
  readonly image: string;
  readonly imageIsPublic: boolean;
  readonly size: Size;
  readonly minimum: number;
  readonly maximum: number;
  /** Empty: none. */
  readonly prime: readonly string[];
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

export type PoolQueries = ReturnType<typeof poolQueries>;

export function poolQueries(database: Database.Database) {
  const put = write(
    database,
    `insert into pools (group_name, name, image, image_is_public, size, minimum, maximum, prime, created_at)
     values (@group, @name, @image, @imageIsPublic, @size, @minimum, @maximum, @prime, @createdAt)
     on conflict (group_name, name) do update set image = excluded.image, image_is_public = excluded.image_is_public,
       size = excluded.size, minimum = excluded.minimum, maximum = excluded.maximum, prime = excluded.prime`,
  );
  const everything = all<Row>(database, "select * from pools order by group_name, name");
  const ofGroup = all<Row>(database, "select * from pools where group_name = @group order by name");
  const find = one<Row>(database, "select * from pools where group_name = @group and name = @name");
  const remove = write(database, "delete from pools where group_name = @group and name = @name");
  const removeGroup = write(database, "delete from pools where group_name = @group");
  return {
    /** Keeps the time at which one of this name was made. */
    put: ({ size, prime, imageIsPublic, ...record }: PoolRecord): void =>
      void put({
        ...record,
        imageIsPublic: imageIsPublic ? 1 : 0,
        size: JSON.stringify(size),
        prime: JSON.stringify(prime),
      }),
    all: (): PoolRecord[] => everything().map(toRecord),
    ofGroup: (group: string): PoolRecord[] => ofGroup({ group }).map(toRecord),
    find(group: string, name: string): PoolRecord | undefined {
      const row = find({ group, name });
      return row && toRecord(row);
    },
    /** Answers false when there was none. */
    remove: (group: string, name: string): boolean => remove({ group, name }).changes === 1,
    removeGroup: (group: string): void => void removeGroup({ group }),
  };
}

interface Row {
  readonly group_name: string;
  readonly name: string;
  readonly image: string;
  readonly image_is_public: number;
  readonly size: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly prime: string;
  readonly created_at: number;
}

function toRecord(row: Row): PoolRecord {
  const { name, image, minimum, maximum } = row;
  return {
    ...{ group: row.group_name, name, image, minimum, maximum },
    imageIsPublic: row.image_is_public === 1,
    size: JSON.parse(row.size),
    prime: JSON.parse(row.prime),
    createdAt: row.created_at,
  };
}
