import type { Migration } from "../migrations.js";

/** Ports that others may come to, and the key that links to them are signed with. */
export const portsMigration: Migration = {
  number: 18,
  name: "ports",
  sql: `
  create table sandbox_ports (
    sandbox_id text primary key,
    group_name text not null,
    ports text not null,
    link_key blob not null
  ) strict, without rowid;
  create trigger ports_of_sandbox after delete on sandboxes begin
    delete from sandbox_ports where sandbox_id = old.id;
  end;
  `,
};
