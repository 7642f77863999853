import type { Migration } from "../migrations.js";

/**
 * What sandboxes may reach: nothing, of those that are there already. The names that a sandbox or a snapshot knows are under its
 * id and go with it.
 */
export const egressMigration: Migration = {
  number: 13,
  name: "egress",
  sql: `
  alter table sandboxes add column egress text not null default '{"policy":{"defaultAction":"Deny"}}';
  create index sandboxes_by_egress_policy on sandboxes (group_name, egress ->> '$.policyId')
    where egress ->> '$.policyId' is not null;

  create table egress_policies (
    group_name text not null,
    name text not null,
    description text,
    policy text not null,
    created_at integer not null,
    updated_at integer not null,
    primary key (group_name, name)
  ) strict, without rowid;

  create table egress_settings (
    group_name text primary key,
    resolver_overrides text not null,
    upstream_certificates text not null
  ) strict, without rowid;

  create table egress_names (
    owner text not null,
    number integer not null,
    name text not null,
    primary key (owner, number)
  ) strict, without rowid;
  create trigger egress_names_of_sandbox after delete on sandboxes begin
    delete from egress_names where owner = old.id;
  end;
  create trigger egress_names_of_snapshot after delete on snapshots begin
    delete from egress_names where owner = old.id;
  end;
  `,
};
