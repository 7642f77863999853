import type { Migration } from "../migrations.js";

export const accessMigration: Migration = {
  number: 2,
  name: "keys, role assignments, audit log",
  sql: `
  create table keys (
    id text primary key,
    secret_hash text not null,
    name text not null,
    group_name text,
    is_admin integer not null,
    requests_per_minute integer not null,
    created_by text not null,
    created_at integer not null,
    expires_at integer,
    revoked_at integer,
    last_used_at integer
  ) strict, without rowid;
  create index keys_by_group on keys (group_name, created_at);

  create table key_scopes (
    key_id text not null references keys (id) on delete cascade,
    group_name text not null,
    role text not null,
    primary key (key_id, group_name)
  ) strict, without rowid;
  create index key_scopes_by_group on key_scopes (group_name);

  create table role_assignments (
    group_name text not null,
    principal text not null,
    role text not null,
    assigned_by text not null,
    assigned_at integer not null,
    primary key (group_name, principal)
  ) strict, without rowid;
  create index role_assignments_by_principal on role_assignments (principal);

  create table audit (
    sequence integer primary key autoincrement,
    ring text not null,
    number integer not null,
    group_name text,
    at integer not null,
    principal text not null,
    endpoint text not null,
    status integer not null,
    body text not null,
    unique (ring, number)
  ) strict;
  create index audit_by_time on audit (at);
  create index audit_by_principal on audit (principal, sequence);
  create index audit_by_ring_and_time on audit (ring, at);
  create index audit_by_ring_and_principal on audit (ring, principal, number);
  `,
};
