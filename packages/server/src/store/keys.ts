/** API keys on record: never a secret, only its hash. */
import type { KeyScope } from "@alcove/contract";
import type Database from "better-sqlite3";
import { all, one, write } from "./statement.js";

export interface KeyRecord {
  readonly id: string;
  /** SHA-256 of the secret, as hex. */
  readonly secretHash: string;
  readonly name: string;
  /** The group that it was made for by an owner; null where the administrator made it. */
  readonly group: string | null;
  readonly isAdmin: boolean;
  readonly scopes: readonly KeyScope[];
  readonly requestsPerMinute: number;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  readonly lastUsedAt: number | null;
}

export interface KeyFilter {
  /** Those made for this group; every key where it is left out. */
  readonly group?: string | undefined;
  /** Only those made before the one with this id. */
  readonly before?: string | undefined;
}

export type KeyQueries = ReturnType<typeof keyQueries>;

export function keyQueries(database: Database.Database) {
  const find = one<Row>(database, `select ${columns} from keys where id = @id`);
  const scopes = all<KeyScope>(
    database,
    "select group_name as 'group', role from key_scopes where key_id = @id order by group_name",
  );
  const list = all<Row>(
    database,
    `select ${columns} from keys
     where (@group is null or group_name = @group)
       and (@before is null or (created_at, id) < (select created_at, id from keys where id = @before))
     order by created_at desc, id desc limit @limit offset @offset`,
  );
  const counts = one<{ count: number }>(database, "select count(*) as count from keys where group_name is @group");
  const revoke = write(database, "update keys set revoked_at = @at where id = @id and revoked_at is null");
  const use = write(database, "update keys set last_used_at = @at where id = @id");
  const forget = write(database, "delete from keys where revoked_at < @before or expires_at < @before");
  const forgetOldest = write(
    database,
    `delete from keys where id = (select id from keys where group_name is @group
       and (revoked_at is not null or expires_at <= @now) order by min(coalesce(revoked_at, @now), coalesce(expires_at, @now)) limit 1)`,
  );
  const removeOfGroup = write(database, "delete from keys where group_name = @group");
  const removeScopes = write(database, "delete from key_scopes where group_name = @group");
  const toRecord = (row: Row): KeyRecord => ({ ...row, isAdmin: row.isAdmin === 1, scopes: scopes({ id: row.id }) });
  return {
    insert: inserter(database),
    find(id: string): KeyRecord | undefined {
      const row = find({ id });
      return row && toRecord(row);
    },
    /** Newest first. */
    list: (
      { group = null, before = null }: { [Name in keyof KeyFilter]: KeyFilter[Name] | null },
      page: { readonly limit: number; readonly offset: number },
    ): KeyRecord[] => list({ group, before, ...page }).map(toRecord),
    /** With those that were revoked or have expired; the administrator's own where the group is null. */
    count: (group: string | null): number => counts({ group })?.count ?? 0,
    revoke: (id: string, at: number): void => void revoke({ id, at }),
    markUsed: (id: string, at: number): void => void use({ id, at }),
    /** Removes what was revoked or expired before. */
    forget: (before: number): void => void forget({ before }),
    /** Removes one that is not valid any more, the longest gone first; false when there is none. */
    forgetOldest: (group: string | null, now: number): boolean => forgetOldest({ group, now }).changes === 1,
    /** Removes the keys that were made for a group, and its name from every other key. */
    removeGroup(group: string): void {
      removeOfGroup({ group });
      removeScopes({ group });
    },
  };
}

function inserter(database: Database.Database): (record: KeyRecord) => void {
  const insert = write(
    database,
    `insert into keys (id, secret_hash, name, group_name, is_admin, requests_per_minute, created_by, created_at,
       expires_at, revoked_at, last_used_at)
     values (@id, @secretHash, @name, @group, @isAdmin, @requestsPerMinute, @createdBy, @createdAt, @expiresAt,
       @revokedAt, @lastUsedAt)`,
  );
  const insertScope = write(
    database,
    "insert into key_scopes (key_id, group_name, role) values (@keyId, @group, @role)",
  );
  return ({ scopes, isAdmin, ...record }) => {
    insert({ ...record, isAdmin: isAdmin ? 1 : 0 });
    for (const { group, role } of scopes) insertScope({ keyId: record.id, group, role });
  };
}

const columns = `id, secret_hash as secretHash, name, group_name as 'group', is_admin as isAdmin,
  requests_per_minute as requestsPerMinute, created_by as createdBy, created_at as createdAt, expires_at as expiresAt,
  revoked_at as revokedAt, last_used_at as lastUsedAt`;

type Row = Omit<KeyRecord, "isAdmin" | "scopes"> & { readonly isAdmin: number };
