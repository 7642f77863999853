import type { Migration } from "../migrations.js";

/** Every group counts its own events from here on, behind all that it has been told. */
export const groupEventsMigration: Migration = {
  number: 6,
  name: "events of each group",
  sql: `
  alter table groups add column newest_event integer not null default 0;
  alter table groups add column events_begin integer not null default 0;
  update groups set newest_event = coalesce((select seq from sqlite_sequence where name = 'events'), 0);

  create table group_events (
    group_name text not null,
    sequence integer not null,
    at integer not null,
    body text not null,
    primary key (group_name, sequence)
  ) strict;
  insert into group_events
    select groups.name, events.sequence, events.at, events.body
    from groups join events on events.group_name = groups.name or events.group_name is null;
  drop table events;
  `,
};
