/** Secrets of groups: each version's values by key, encrypted, and who refers to which secret. */
import type Database from "better-sqlite3";
import { all, one, write } from "./statement.js";
import type { Vault } from "./vault/vault.js";

export interface GroupSecretRecord {
  readonly group: string;
  readonly id: string;
  readonly version: number;
  /** Of this version. */
  readonly keys: readonly string[];
  /** Where alone it goes: patterns. Without any wherever a policy says. */
  readonly hosts: readonly string[];
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

type Values = Readonly<Record<string, string>>;

export interface NewVersion extends Pick<GroupSecretRecord, "group" | "id" | "hosts"> {
  readonly values: Values;
  readonly at: number;
}

export const keptVersions = 10;

export type GroupSecretQueries = ReturnType<typeof groupSecretQueries>;

export function groupSecretQueries(database: Database.Database, vault: Vault) {
  const find = one<Row>(database, `${selection} where s.group_name = @group and s.id = @id`);
  const ofGroup = all<Row>(database, `${selection} where s.group_name = @group order by s.id`);
  const count = one<{ count: number }>(
    database,
    "select count(*) as count from group_secrets where group_name = @group",
  );
  const remove = write(database, "delete from group_secrets where group_name = @group and id = @id");
  const removeGroup = write(database, "delete from group_secrets where group_name = @group");
  const users = all<{ user: string }>(database, usersOf);
  const valueUnder = one<{ value: Buffer }>(
    database,
    `select value from group_secret_values where group_name = @group and id = @id and version = @version and key = @key`,
  );
  const values = all<{ key: string; value: Buffer }>(
    database,
    `select key, value from group_secret_values where group_name = @group and id = @id and version = @version order by key`,
  );
  const found = (group: string, id: string) => {
    const row = find({ group, id });
    return row && toRecord(row);
  };
  return {
    find: found,
    ofGroup: (group: string): GroupSecretRecord[] => ofGroup({ group }).map(toRecord),
    count: (group: string): number => count({ group })?.count ?? 0,
    put: versionWriter(database, vault),
    /** Of one version; empty where there is none. Errors: SecretsUnreadable. */
    values: (group: string, id: string, version: number): Values =>
      Object.fromEntries(
        values({ group, id, version }).map(({ key, value }) => [
          key,
          vault.open(placeOf({ group, id, version, key }), value),
        ]),
      ),
    /** Of the newest version. Errors: SecretsUnreadable. */
    value(group: string, id: string, key: string): string | undefined {
      const version = found(group, id)?.version;
      const row = version === undefined ? undefined : valueUnder({ group, id, version, key });
      return row && vault.open(placeOf({ group, id, version: version ?? 0, key }), row.value);
    },
    remove: (group: string, id: string): boolean => remove({ group, id }).changes === 1,
    removeGroup: (group: string): void => void removeGroup({ group }),
    /** Whatever refers to it, in words. */
    users: (group: string, id: string): string[] => toWords(users({ ...sought(group, id), isAny: 1 })),
    /** Whatever refers to this key by name. */
    usersOfKey(group: string, id: string, key: string): string[] {
      const all = sought(group, id);
      return toWords(users({ ...all, named: `${all.named},"secretKey":${JSON.stringify(key)}`, key }));
    },
    /** Whatever refers to its only key, without a name. */
    usersOfOnlyKey(group: string, id: string): string[] {
      const all = sought(group, id);
      return toWords(users({ ...all, except: `${all.named},"secretKey":` }));
    },
  };
}

/** What `usersOf` looks for, in JSON and among the secrets of sandboxes. */
function sought(group: string, id: string) {
  return { ...{ group, id, named: `"secretId":${JSON.stringify(id)}`, except: "" }, ...{ isAny: 0, key: null } };
}

function toWords(users: readonly { readonly user: string }[]): string[] {
  return users.map(({ user }) => user);
}

/** Keeps the time at which one of this id was made, and the last versions. In a transaction of the caller's. */
function versionWriter(database: Database.Database, vault: Vault) {
  const put = write(
    database,
    `insert into group_secrets (group_name, id, version, hosts, created_at, updated_at)
     values (@group, @id, 1, @hosts, @at, @at)
     on conflict (group_name, id) do update set version = version + 1, hosts = excluded.hosts, updated_at = excluded.updated_at`,
  );
  const version = one<{ version: number }>(
    database,
    "select version from group_secrets where group_name = @group and id = @id",
  );
  const insert = write(
    database,
    `insert into group_secret_values (group_name, id, version, key, value) values (@group, @id, @version, @key, @value)`,
  );
  const prune = write(
    database,
    "delete from group_secret_values where group_name = @group and id = @id and version <= @last",
  );
  return ({ group, id, hosts, values, at }: NewVersion): void => {
    put({ group, id, hosts: JSON.stringify(hosts), at });
    const made = version({ group, id })?.version ?? 1;
    for (const [key, value] of Object.entries(values))
      insert({ group, id, version: made, key, value: vault.seal(placeOf({ group, id, version: made, key }), value) });
    prune({ group, id, last: made - keptVersions });
  };
}

interface Place {
  readonly group: string;
  readonly id: string;
  readonly version: number;
  readonly key: string;
}

function placeOf({ group, id, version, key }: Place): readonly string[] {
  return ["group", group, id, String(version), key];
}

const selection = `
  select s.*, (select json_group_array(v.key order by v.key) from group_secret_values v
    where v.group_name = s.group_name and v.id = s.id and v.version = s.version) as keys
  from group_secrets s`;

/** In JSON of ours a reference is written in one way alone, its key behind its id, and no text of anybody's can be mistaken for it: it would have its quotes escaped. */
const isNamedIn = (json: string) => `instr(replace(${json}, @except, ''), @named) > 0`;
const isGivenTo = (owner: string) => `exists (select 1 from secret_uses u where u.owner = ${owner}
  and u.group_name = @group and u.secret_id = @id and (@isAny or u.secret_key is @key))`;

const usersOf = `
  select 'the group''s defaults' as user from groups where name = @group and ${isNamedIn("defaults")}
  union all
  select 'the egress policy ' || name from egress_policies where group_name = @group and ${isNamedIn("policy")}
  union all
  select 'the group''s upstream routes' from egress_settings where group_name = @group and ${isNamedIn("routes")}
  union all
  select 'the sandbox ' || id from sandboxes s where group_name = @group and (${isNamedIn("egress")} or ${isGivenTo("s.id")})
  union all
  select 'the snapshot ' || id from snapshots s where group_name = @group and (${isNamedIn("start")} or ${isGivenTo("s.id")})`;

interface Row {
  readonly group_name: string;
  readonly id: string;
  readonly version: number;
  readonly hosts: string;
  readonly keys: string;
  readonly created_at: number;
  readonly updated_at: number;
}

function toRecord({
  group_name: group,
  id,
  version,
  hosts,
  keys,
  created_at: createdAt,
  updated_at: updatedAt,
}: Row): GroupSecretRecord {
  return { group, id, version, hosts: JSON.parse(hosts), keys: JSON.parse(keys), createdAt, updatedAt };
}
