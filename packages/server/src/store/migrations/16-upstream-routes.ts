import type { Migration } from "../migrations.js";

/** By which ways connections of a group's sandboxes leave; of groups that are there already directly. */
export const upstreamRoutesMigration: Migration = {
  number: 16,
  name: "upstream routes",
  sql: `
  alter table egress_settings add column routes text not null default '{}';
  alter table egress_settings add column default_route text;
  `,
};
