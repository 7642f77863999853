import type { Migration } from "../migrations.js";

/** How many snapshots a group keeps, and for how long; one that is there already all of them. */
export const snapshotRetentionMigration: Migration = {
  number: 12,
  name: "retention of snapshots",
  sql: "alter table groups add column snapshot_retention text not null default '{}';",
};
