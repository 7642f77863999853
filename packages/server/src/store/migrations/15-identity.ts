import type { Migration } from "../migrations.js";

/**
 * What a group is to the outside. Each has an id of its own, so that one that gets a name later is not taken for the one before: not by
 * those who believe its tokens, nor where the other one was given a role.
 */
export const identityMigration: Migration = {
  number: 15,
  name: "identity",
  sql: `
  alter table groups add column incarnation text not null default '';
  update groups set incarnation = lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)
    || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)));

  create table group_identities (
    group_name text primary key,
    audiences text not null,
    token_lifetime_seconds integer not null,
    header text not null
  ) strict, without rowid;

  alter table role_assignments add column incarnation text;
  `,
};
