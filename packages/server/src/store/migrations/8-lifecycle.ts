import type { Migration } from "../migrations.js";

/** When a sandbox is suspended and deleted by itself; one that is there already never. */
export const lifecycleMigration: Migration = {
  number: 8,
  name: "lifecycle policies",
  sql: "alter table sandboxes add column lifecycle text not null default '{}';",
};
