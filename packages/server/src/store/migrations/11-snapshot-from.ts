import type { Migration } from "../migrations.js";

export const snapshotFromMigration: Migration = {
  number: 11,
  name: "whether a sandbox boots from its snapshot's disk",
  sql: "alter table sandboxes add column snapshot_from text",
};
