/**
 * What sandboxes used, for bills. Each sandbox on record has one open row: since when it has been as it is now. What a row
 * amounts to is added to the record of its group, hour and labels when the sandbox changes, and for all open rows together
 * once an hour; nothing is written for a sandbox that merely runs on.
 *
 * Times are those of the accounting clock (control/usage-clock.ts), in milliseconds; what is behind `settledTo` is in the hours.
 */
import type { Labels, Size } from "@alcove/contract";
import type Database from "better-sqlite3";
import { all, one, write } from "./statement.js";

export const hourMs = 3_600_000;

export interface UsageClockRecord {
  readonly settledTo: number;
  /** When a daemon was last known to account, on its clock and on the host's monotonic one. */
  readonly seenAt: number;
  readonly seenMonotonicMs: number;
}

export interface OpenUsage {
  readonly sandboxId: string;
  readonly group: string;
  readonly labels: Labels;
  readonly size: Size;
  readonly runs: boolean;
}

/** Amounts times milliseconds. */
export interface UsageSums {
  readonly millicoreMs: number;
  readonly memoryMiBMs: number;
  readonly diskMiBMs: number;
}

export interface UsageRow extends UsageSums {
  readonly hour: number;
  /** Of the label that was asked for; null where there is none. */
  readonly value: string | null;
}

export interface UsageRange {
  readonly group: string;
  /** Hours since 1970, the first and the one behind the last. */
  readonly fromHour: number;
  readonly toHour: number;
  readonly label: string | null;
}

export type UsageQueries = ReturnType<typeof usageQueries>;

const added = `on conflict (group_name, hour, labels) do update set
  millicore_ms = millicore_ms + excluded.millicore_ms,
  memory_mib_ms = memory_mib_ms + excluded.memory_mib_ms,
  disk_mib_ms = disk_mib_ms + excluded.disk_mib_ms`;

/** Open rows with the milliseconds that each was as it is between @begin and @end. */
const openRows = `(select *, max(0, @end - max(since, @begin)) as ms from usage_open)`;
const openSums = `sum(runs * cpu_millicores * ms) as millicoreMs, sum(runs * memory_mib * ms) as memoryMiBMs,
  sum(disk_mib * ms) as diskMiBMs`;
const labelValue = "(select value from json_each(labels) where key = @label)";

export function usageQueries(database: Database.Database) {
  return { ...openUsage(database), ...settling(database), ...reading(database), ...forgetting(database) };
}

function openUsage(database: Database.Database) {
  const insert = write(
    database,
    `insert into usage_open (sandbox_id, group_name, labels, cpu_millicores, memory_mib, disk_mib, runs, since)
     values (@sandboxId, @group, @labels, @cpuMillicores, @memoryMiB, @diskMiB, @runs, @at)`,
  );
  const add = write(
    database,
    `insert into usage_hours select group_name, @hour, labels, runs * cpu_millicores * ms, runs * memory_mib * ms, disk_mib * ms
     from ${openRows} where sandbox_id = @sandboxId and ms > 0 ${added}`,
  );
  const find = one<{ since: number }>(database, "select since from usage_open where sandbox_id = @sandboxId");
  const settled = one<{ at: number }>(database, "select settled_to as at from usage_clock");
  const change = write(
    database,
    `update usage_open set runs = coalesce(@runs, runs), labels = coalesce(@labels, labels), since = max(since, @at)
     where sandbox_id = @sandboxId`,
  );
  const remove = write(database, "delete from usage_open where sandbox_id = @sandboxId");
  const settle = (sandboxId: string, at: number): void => {
    const row = find({ sandboxId });
    if (row === undefined) return;
    const since = Math.max(row.since, settled()?.at ?? 0);
    for (const window of hoursBetween(since, at)) add({ sandboxId, ...window });
  };
  return {
    open({ sandboxId, group, labels, size, runs }: OpenUsage, at: number): void {
      insert({ sandboxId, group, ...size, labels: canonical(labels), runs: Number(runs), at });
    },
    /** What it was until now is added up; from now on it is so. */
    change(sandboxId: string, changes: { readonly runs?: boolean; readonly labels?: Labels }, at: number): void {
      settle(sandboxId, at);
      const { runs, labels } = changes;
      change({
        ...{ sandboxId, at },
        runs: runs === undefined ? null : Number(runs),
        labels: labels === undefined ? null : canonical(labels),
      });
    },
    close(sandboxId: string, at: number): void {
      settle(sandboxId, at);
      remove({ sandboxId });
    },
  };
}

function settling(database: Database.Database) {
  const clock = one<UsageClockRecord>(
    database,
    "select settled_to as settledTo, seen_at as seenAt, seen_monotonic_ms as seenMonotonicMs from usage_clock",
  );
  const see = write(
    database,
    `insert into usage_clock values (1, @settledTo, @seenAt, @seenMonotonicMs)
     on conflict (only) do update set settled_to = @settledTo, seen_at = @seenAt, seen_monotonic_ms = @seenMonotonicMs`,
  );
  const add = write(
    database,
    `insert into usage_hours select group_name, @hour, labels, ${openSums}
     from ${openRows} where ms > 0 group by group_name, labels ${added}`,
  );
  const clamp = write(database, "update usage_open set since = @at where since > @at");
  return {
    clock: (): UsageClockRecord | undefined => clock(),
    see: (record: UsageClockRecord): void => void see({ ...record }),
    /** Adds up all open rows; the caller records `to` with `see`. */
    settleAll(from: number, to: number): void {
      for (const window of hoursBetween(from, to)) add({ ...window });
    },
    /** After the clock was set back: no row begins in the future. */
    startNoLaterThan: (at: number): void => void clamp({ at }),
  };
}

function reading(database: Database.Database) {
  const inHours = "from usage_hours where group_name = @group and hour >= @fromHour and hour < @toHour";
  const closed = all<UsageRow>(
    database,
    `select hour, ${labelValue} as value, sum(millicore_ms) as millicoreMs, sum(memory_mib_ms) as memoryMiBMs,
       sum(disk_mib_ms) as diskMiBMs ${inHours} group by hour, value order by hour, value`,
  );
  const stillOpen = all<UsageRow>(
    database,
    `select @hour as hour, ${labelValue} as value, ${openSums}
     from ${openRows} where group_name = @group and ms > 0 group by value order by value`,
  );
  const count = one<{ count: number }>(database, `select count(*) as count from (select 1 ${inHours} limit @limit)`);
  return {
    /** By hour and value; what is open counts until `now`. An hour and value may come twice. */
    rows({ group, fromHour, toHour, label }: UsageRange, settledTo: number, now: number): UsageRow[] {
      const windows = hoursBetween(settledTo, now).filter(({ hour }) => hour >= fromHour && hour < toHour);
      const open = windows.flatMap((window) => stillOpen({ group, label, ...window }));
      return [...closed({ group, fromHour, toHour, label }), ...open];
    },
    /** How many records a range has, counted no further than the limit. */
    countRows: ({ group, fromHour, toHour }: UsageRange, limit: number): number =>
      count({ group, fromHour, toHour, limit })?.count ?? 0,
  };
}

function forgetting(database: Database.Database) {
  const prune = write(database, "delete from usage_hours where hour < @hour");
  const removeHours = write(database, "delete from usage_hours where group_name = @group");
  const removeOpen = write(database, "delete from usage_open where group_name = @group");
  return {
    prune: (hour: number): void => void prune({ hour }),
    removeGroup(group: string): void {
      removeHours({ group });
      removeOpen({ group });
    },
  };
}

interface Window {
  readonly hour: number;
  readonly begin: number;
  readonly end: number;
}

/** The time between, cut at full hours; nothing where `to` is not behind `from`. */
export function hoursBetween(from: number, to: number): Window[] {
  const windows: Window[] = [];
  for (let begin = from; begin < to; ) {
    const hour = Math.floor(begin / hourMs);
    const end = Math.min(to, (hour + 1) * hourMs);
    windows.push({ hour, begin, end });
    begin = end;
  }
  return windows;
}

/** The same labels in another order are the same text. */
function canonical(labels: Labels): string {
  return JSON.stringify(Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))));
}
