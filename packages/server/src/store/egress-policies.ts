/** Egress policies that a group has given names, its settings, and who refers to which policy. */
import type { EgressPolicy, UpstreamRoute } from "@alcove/contract";
import type Database from "better-sqlite3";
import { all, one, write } from "./statement.js";

/** What a sandbox may reach: what its own policy says, or what the group's policy of this name says at the time. */
export type EgressChoice = { readonly policy: EgressPolicy } | { readonly policyId: string };

/** Nothing: of whatever says nothing else. */
export const noEgress: EgressChoice = { policy: { defaultAction: "Deny" } };

export interface EgressPolicyRecord {
  readonly group: string;
  readonly name: string;
  readonly description: string | undefined;
  readonly policy: EgressPolicy;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** How names are resolved outside, whose certificates are believed there, and by which ways connections leave. */
export interface EgressSettingsRecord {
  readonly resolverOverrides: Readonly<Record<string, string>>;
  /** PEM. */
  readonly upstreamCertificates: string;
  /** By name. */
  readonly routes: Readonly<Record<string, UpstreamRoute>>;
  /** Undefined: direct. */
  readonly defaultRoute: string | undefined;
}

export type EgressPolicyQueries = ReturnType<typeof egressPolicyQueries>;

export function egressPolicyQueries(database: Database.Database) {
  const put = write(
    database,
    `insert into egress_policies (group_name, name, description, policy, created_at, updated_at)
     values (@group, @name, @description, @policy, @createdAt, @updatedAt)
     on conflict (group_name, name) do update set description = excluded.description, policy = excluded.policy,
       updated_at = excluded.updated_at`,
  );
  const find = one<Row>(database, "select * from egress_policies where group_name = @group and name = @name");
  const ofGroup = all<Row>(database, "select * from egress_policies where group_name = @group order by name");
  const count = one<{ count: number }>(
    database,
    "select count(*) as count from egress_policies where group_name = @group",
  );
  const remove = write(database, "delete from egress_policies where group_name = @group and name = @name");
  const sandboxes = all<{ id: string }>(
    database,
    "select id from sandboxes where group_name = @group and egress ->> '$.policyId' = @name order by sequence",
  );
  const snapshots = all<{ id: string }>(
    database,
    `select id from snapshots where group_name = @group and start ->> '$.egress.policyId' = @name
     order by sequence`,
  );
  return {
    ...settingQueries(database),
    ...routeQueries(database),
    /** Keeps the time at which one of this name was made. */
    put: ({ policy, description, ...record }: EgressPolicyRecord): void =>
      void put({ ...record, description: description ?? null, policy: JSON.stringify(policy) }),
    find(group: string, name: string): EgressPolicyRecord | undefined {
      const row = find({ group, name });
      return row && toRecord(row);
    },
    ofGroup: (group: string): EgressPolicyRecord[] => ofGroup({ group }).map(toRecord),
    count: (group: string): number => count({ group })?.count ?? 0,
    remove: (group: string, name: string): boolean => remove({ group, name }).changes === 1,
    /** Sandboxes that refer to it. */
    sandboxes: (group: string, name: string): string[] => sandboxes({ group, name }).map(({ id }) => id),
    /** Snapshots whose sandboxes will, those of forks too. */
    snapshots: (group: string, name: string): string[] => snapshots({ group, name }).map(({ id }) => id),
  };
}

function settingQueries(database: Database.Database) {
  const find = one<SettingRow>(database, "select * from egress_settings where group_name = @group");
  const put = write(
    database,
    `insert or replace into egress_settings (group_name, resolver_overrides, upstream_certificates, routes, default_route)
     values (@group, @resolverOverrides, @upstreamCertificates, @routes, @defaultRoute)`,
  );
  const removePolicies = write(database, "delete from egress_policies where group_name = @group");
  const removeSettings = write(database, "delete from egress_settings where group_name = @group");
  return {
    settingsOf(group: string): EgressSettingsRecord {
      const row = find({ group });
      return {
        resolverOverrides: row === undefined ? {} : JSON.parse(row.resolver_overrides),
        upstreamCertificates: row?.upstream_certificates ?? "",
        routes: row === undefined ? {} : JSON.parse(row.routes),
        defaultRoute: row?.default_route ?? undefined,
      };
    },
    setSettings(group: string, { resolverOverrides, upstreamCertificates, ...ways }: EgressSettingsRecord): void {
      const [overrides, routes] = [JSON.stringify(resolverOverrides), JSON.stringify(ways.routes)];
      const defaultRoute = ways.defaultRoute ?? null;
      put({ group, resolverOverrides: overrides, upstreamCertificates, routes, defaultRoute });
    },
    removeGroup(group: string): void {
      removePolicies({ group });
      removeSettings({ group });
    },
  };
}

/** Who has a policy of its own that names a route. */
function routeQueries(database: Database.Database) {
  const named = (policy: string) =>
    `exists (select 1 from json_each(${policy}, '$.rules') where value ->> '$.route' = @route)`;
  const sandboxes = all<{ id: string }>(
    database,
    `select id from sandboxes where group_name = @group and ${named("egress -> '$.policy'")} order by sequence`,
  );
  const snapshots = all<{ id: string }>(
    database,
    `select id from snapshots where group_name = @group and ${named("start -> '$.egress.policy'")} order by sequence`,
  );
  return {
    sandboxesByRoute: (group: string, route: string): string[] => sandboxes({ group, route }).map(({ id }) => id),
    snapshotsByRoute: (group: string, route: string): string[] => snapshots({ group, route }).map(({ id }) => id),
  };
}

interface SettingRow {
  readonly resolver_overrides: string;
  readonly upstream_certificates: string;
  readonly routes: string;
  readonly default_route: string | null;
}

interface Row {
  readonly group_name: string;
  readonly name: string;
  readonly description: string | null;
  readonly policy: string;
  readonly created_at: number;
  readonly updated_at: number;
}

function toRecord(row: Row): EgressPolicyRecord {
  return {
    ...{ group: row.group_name, name: row.name, description: row.description ?? undefined },
    policy: JSON.parse(row.policy),
    ...{ createdAt: row.created_at, updatedAt: row.updated_at },
  };
}
