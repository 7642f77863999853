import type { Migration } from "../migrations.js";

/** Internal snapshots are those of forks: nobody sees or counts them. */
export const snapshotsMigration: Migration = {
  number: 9,
  name: "snapshots, and what a sandbox came from",
  sql: `
  create table snapshots (
    sequence integer primary key autoincrement,
    id text not null unique,
    group_name text not null,
    name text,
    labels text not null,
    status text not null,
    is_internal integer not null,
    sandbox_id text not null,
    parent_id text,
    engine text not null,
    mode text not null,
    is_frozen integer not null,
    paused_ms real not null,
    own_bytes integer not null,
    shared_bytes integer not null,
    image text not null,
    image_is_public integer not null,
    image_key text not null,
    cpu_millicores integer not null,
    memory_mib integer not null,
    disk_mib integer not null,
    start text not null,
    created_at integer not null
  ) strict;
  create index snapshots_by_group on snapshots (group_name, sequence);
  create index snapshots_unfinished on snapshots (sequence) where status <> 'Ready' or is_internal = 1;
  create index snapshots_by_image on snapshots (group_name, image, image_is_public);
  create index snapshots_by_content on snapshots (image_key);

  alter table groups add column used_snapshots integer not null default 0;
  create trigger snapshot_added after insert on snapshots when new.is_internal = 0 begin
    update groups set used_snapshots = used_snapshots + 1 where name = new.group_name;
  end;
  create trigger snapshot_removed after delete on snapshots when old.is_internal = 0 begin
    update groups set used_snapshots = used_snapshots - 1 where name = old.group_name;
  end;

  alter table sandboxes add column snapshot_id text;
  alter table sandboxes add column forked_from text;
  alter table sandboxes add column entropy text;
  create index sandboxes_by_snapshot on sandboxes (snapshot_id);
  `,
};
