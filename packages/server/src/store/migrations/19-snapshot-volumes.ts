import type { Migration } from "../migrations.js";

/** Which volumes a snapshot has; of a volume that a sandbox got from one, what it is a copy of, and with which sandbox it goes. */
export const snapshotVolumesMigration: Migration = {
  number: 19,
  name: "volumes of snapshots",
  sql: `
  alter table snapshots add column volumes text not null default '[]';
  alter table volumes add column source_id text;
  alter table volumes add column owner_sandbox_id text;
  create index volumes_by_owner on volumes (owner_sandbox_id) where owner_sandbox_id is not null;
  `,
};
