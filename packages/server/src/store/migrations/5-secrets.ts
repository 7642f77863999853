import type { Migration } from "../migrations.js";

/** Values lie apart from what is read of a sandbox for every other purpose. */
export const secretsMigration: Migration = {
  number: 5,
  name: "secrets of sandboxes",
  sql: `
  create table sandbox_secrets (
    sandbox_id text not null references sandboxes (id) on delete cascade,
    name text not null,
    value text not null,
    unique (sandbox_id, name)
  ) strict;

  alter table sandboxes add column entrypoint_secrets text not null default '[]';
  `,
};
