import type { Migration } from "../migrations.js";

/** Their sizes count as disk of their group. One that is mounted stays; a mount goes with its sandbox. */
export const volumesMigration: Migration = {
  number: 17,
  name: "volumes",
  sql: `
  create table volumes (
    id text primary key,
    group_name text not null,
    name text not null,
    type text not null,
    size_mib integer not null,
    labels text not null,
    created_at integer not null,
    unique (group_name, name)
  ) strict, without rowid;
  create trigger volume_added after insert on volumes begin
    update groups set used_disk_mib = used_disk_mib + new.size_mib where name = new.group_name;
  end;
  create trigger volume_removed after delete on volumes begin
    update groups set used_disk_mib = used_disk_mib - old.size_mib where name = old.group_name;
  end;

  create table volume_mounts (
    volume_id text primary key references volumes (id) deferrable initially deferred,
    sandbox_id text not null references sandboxes (id) on delete cascade deferrable initially deferred,
    slot integer not null,
    mountpoint text not null,
    read_only integer not null,
    state text not null,
    unique (sandbox_id, slot)
  ) strict, without rowid;
  `,
};
