import type { Migration } from "../migrations.js";

export const suspensionMigration: Migration = {
  number: 10,
  name: "stopped sandboxes that can be resumed",
  sql: `
  alter table sandboxes add column activation_mode text not null default 'OnDemand';
  alter table sandboxes add column suspension text;
  `,
};
