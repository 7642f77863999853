import type { Migration } from "../migrations.js";

/**
 * Values of secrets are encrypted from here on; those of sandboxes that lie in plain are by whoever opens the store, who has the key.
 * `secret_uses` says which secrets a sandbox was given, or a snapshot will give, and the placeholders that programs in it may hold.
 */
export const vaultMigration: Migration = {
  number: 14,
  name: "secrets of groups, encrypted",
  sql: `
  create table group_secrets (
    group_name text not null,
    id text not null,
    version integer not null,
    hosts text not null,
    created_at integer not null,
    updated_at integer not null,
    primary key (group_name, id)
  ) strict, without rowid;

  create table group_secret_values (
    group_name text not null,
    id text not null,
    version integer not null,
    key text not null,
    value blob not null,
    primary key (group_name, id, version, key),
    foreign key (group_name, id) references group_secrets (group_name, id) on delete cascade
  ) strict, without rowid;

  create table secret_uses (
    owner text not null,
    group_name text not null,
    name text not null,
    secret_id text not null,
    secret_key text,
    delivery text not null,
    placeholder text not null,
    age integer not null,
    primary key (owner, name, placeholder)
  ) strict, without rowid;
  create index secret_uses_by_secret on secret_uses (group_name, secret_id);
  create trigger secret_uses_of_sandbox after delete on sandboxes begin
    delete from secret_uses where owner = old.id;
  end;
  create trigger secret_uses_of_snapshot after delete on snapshots begin
    delete from secret_uses where owner = old.id;
  end;

  alter table sandboxes add column maker text;
  alter table snapshots add column maker text;

  alter table sandbox_secrets rename to sandbox_secrets_plain;
  create table sandbox_secrets (
    sandbox_id text not null references sandboxes (id) on delete cascade,
    name text not null,
    value blob not null,
    unique (sandbox_id, name)
  ) strict;
  `,
};
