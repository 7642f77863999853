import type { Migration } from "../migrations.js";

/** What pools shall hold; what they hold is gone with the daemon. */
export const poolsMigration: Migration = {
  number: 7,
  name: "warm pools",
  sql: `
  create table pools (
    group_name text not null,
    name text not null,
    image text not null,
    image_is_public integer not null,
    size text not null,
    minimum integer not null,
    maximum integer not null,
    prime text not null,
    created_at integer not null,
    primary key (group_name, name)
  ) strict;
  `,
};
