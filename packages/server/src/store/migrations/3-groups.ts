import type { Migration } from "../migrations.js";

/** Whether a sandbox holds cores and memory: not once it has stopped or failed, nor when it is deleted from there. */
const holds = (row: "new" | "old" | "sandboxes") =>
  `(${row}.state not in ('Stopped', 'Failed')
    and not (${row}.state = 'Deleting' and json_extract(${row}.state_details, '$.stoppedReason') is not null))`;

/** What is used is kept with the group by triggers, so that it costs the same with 10 sandboxes on record and with 10,000. */
export const groupsMigration: Migration = {
  number: 3,
  name: "groups, usage",
  sql: `
  create table groups (
    name text primary key,
    state text not null,
    tags text not null,
    defaults text not null,
    quota text not null,
    created_at integer not null,
    used_millicores integer not null default 0,
    used_memory_mib integer not null default 0,
    used_disk_mib integer not null default 0,
    used_sandboxes integer not null default 0
  ) strict;
  create unique index groups_by_name_in_any_case on groups (name collate nocase);

  insert into groups (name, state, tags, defaults, quota, created_at, used_millicores, used_memory_mib, used_disk_mib,
      used_sandboxes)
    select 'default', 'Ready', '{}', '{}', '{}', unixepoch() * 1000,
      coalesce(sum(iif(${holds("sandboxes")}, cpu_millicores, 0)), 0),
      coalesce(sum(iif(${holds("sandboxes")}, memory_mib, 0)), 0),
      coalesce(sum(disk_mib), 0), count(*)
    from sandboxes where group_name = 'default';

  create trigger sandbox_added after insert on sandboxes begin
    update groups set
      used_millicores = used_millicores + iif(${holds("new")}, new.cpu_millicores, 0),
      used_memory_mib = used_memory_mib + iif(${holds("new")}, new.memory_mib, 0),
      used_disk_mib = used_disk_mib + new.disk_mib,
      used_sandboxes = used_sandboxes + 1
    where name = new.group_name;
  end;
  create trigger sandbox_changed after update of state, state_details, cpu_millicores, memory_mib, disk_mib on sandboxes
    when ${holds("new")} <> ${holds("old")} or new.cpu_millicores <> old.cpu_millicores
      or new.memory_mib <> old.memory_mib or new.disk_mib <> old.disk_mib
  begin
    update groups set
      used_millicores = used_millicores + iif(${holds("new")}, new.cpu_millicores, 0)
        - iif(${holds("old")}, old.cpu_millicores, 0),
      used_memory_mib = used_memory_mib + iif(${holds("new")}, new.memory_mib, 0)
        - iif(${holds("old")}, old.memory_mib, 0),
      used_disk_mib = used_disk_mib + new.disk_mib - old.disk_mib
    where name = new.group_name;
  end;
  create trigger sandbox_removed after delete on sandboxes begin
    update groups set
      used_millicores = used_millicores - iif(${holds("old")}, old.cpu_millicores, 0),
      used_memory_mib = used_memory_mib - iif(${holds("old")}, old.memory_mib, 0),
      used_disk_mib = used_disk_mib - old.disk_mib,
      used_sandboxes = used_sandboxes - 1
    where name = old.group_name;
  end;

  create table usage_open (
    sandbox_id text primary key,
    group_name text not null,
    labels text not null,
    cpu_millicores integer not null,
    memory_mib integer not null,
    disk_mib integer not null,
    runs integer not null,
    since integer not null
  ) strict, without rowid;
  create index usage_open_by_group on usage_open (group_name);
  insert into usage_open
    select id, group_name, labels, cpu_millicores, memory_mib, disk_mib, state = 'Running', unixepoch() * 1000
    from sandboxes;

  create table usage_hours (
    group_name text not null,
    hour integer not null,
    labels text not null,
    millicore_ms integer not null,
    memory_mib_ms integer not null,
    disk_mib_ms integer not null,
    primary key (group_name, hour, labels)
  ) strict, without rowid;
  create index usage_hours_by_hour on usage_hours (hour);

  create table usage_clock (
    only integer primary key check (only = 1),
    settled_to integer not null,
    seen_at integer not null,
    seen_monotonic_ms integer not null
  ) strict;
  `,
};
