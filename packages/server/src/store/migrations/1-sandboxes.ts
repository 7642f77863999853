import type { Migration } from "../migrations.js";

export const sandboxesMigration: Migration = {
  number: 1,
  name: "sandboxes, execs, journal, events",
  sql: `
  create table sandboxes (
    sequence integer primary key autoincrement,
    id text not null unique,
    group_name text not null,
    engine text not null,
    state text not null,
    desired_state text not null,
    state_details text not null,
    image text not null,
    cpu_millicores integer not null,
    memory_mib integer not null,
    disk_mib integer not null,
    labels text not null,
    environment text not null,
    entrypoint text not null,
    cmd text not null,
    working_directory text,
    entrypoint_exec_id text,
    generation integer not null,
    created_at integer not null
  ) strict;
  create index sandboxes_by_group on sandboxes (group_name, sequence);
  create index sandboxes_by_state on sandboxes (group_name, state, sequence);

  create table sandbox_labels (
    group_name text not null,
    key text not null,
    value text not null,
    sequence integer not null references sandboxes (sequence) on delete cascade,
    primary key (group_name, key, value, sequence)
  ) strict, without rowid;
  create index sandbox_labels_by_sandbox on sandbox_labels (sequence);

  create table execs (
    id text not null,
    sandbox_id text not null references sandboxes (id) on delete cascade,
    started_at integer not null,
    primary key (sandbox_id, id)
  ) strict, without rowid;

  create table journal (
    number integer primary key autoincrement,
    operation text not null,
    sandbox_id text not null,
    exec_id text,
    step text not null,
    at integer not null
  ) strict;
  create index journal_by_sandbox on journal (sandbox_id);

  create table events (
    sequence integer primary key autoincrement,
    group_name text,
    at integer not null,
    body text not null
  ) strict;
  `,
};
