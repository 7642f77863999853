import { AlcoveError, type UsageAmounts, type UsageRecords, type UsageStep } from "@alcove/contract";
import { hourMs, type UsageRange, type UsageRow, type UsageSums } from "../../store/usage.js";
import type { ControlContext } from "../context.js";
import type { UsageControl } from "./group-control.js";
import { toGroup } from "./group-view.js";

/** More than this are not added up for one call: it would keep the daemon from everybody else's. */
const mostRows = 100_000;
/** More than this are not told in one answer. */
const mostRecords = 10_000;
const dayHours = 24;
/** Years of more digits are written otherwise. */
const endOfTime = Date.UTC(9999);

export function usageControl(context: ControlContext): UsageControl {
  const { gate, store, usage } = context;
  return {
    async get(name) {
      const { quota, used } = toGroup(await gate.enter(name));
      const from = monthOf(usage.now());
      const toHour = Math.floor(usage.now() / hourMs) + 1;
      const range = { group: name, fromHour: from / hourMs, toHour, label: null };
      const rows = store.usage.rows(range, usage.settledTo, usage.now());
      return { quota, used, month: { from: iso(from), ...amounts(total(rows)) } };
    },
    async records(group, { from, to, label, per = "hour" }) {
      await gate.enter(group);
      const now = usage.now();
      const end = to === undefined ? now : Math.min(Date.parse(to), endOfTime);
      const begin = from === undefined ? end - dayHours * hourMs : Date.parse(from);
      if (begin > end) throw refusal("from", `from (${iso(begin)}) is after to (${iso(end)})`);
      const [fromHour, toHour] = [Math.floor(begin / hourMs), Math.ceil(end / hourMs)];
      const range = { group, fromHour, toHour, label: label ?? null };
      const records = recordsOf(rowsOf(context, range), { ...range, per });
      if (records.length > mostRecords) throw refusal("per", `The answer would have ${records.length} records`);
      return { from: iso(fromHour * hourMs), to: iso(toHour * hourMs), ...(label && { label }), records };
    },
  };
}

function refusal(field: string, sentence: string): AlcoveError {
  return new AlcoveError("InvalidRequest", `${sentence}.`, {
    field,
    hint: "Ask for a shorter time, or per day or range.",
  });
}

function rowsOf({ store, usage }: ControlContext, range: UsageRange): UsageRow[] {
  if (store.usage.countRows(range, mostRows) === mostRows) {
    throw refusal("from", `There are more than ${mostRows} records of usage in this time`);
  }
  return store.usage.rows(range, usage.settledTo, usage.now());
}

/** Rows of the same step and value as one. */
function recordsOf(
  rows: readonly UsageRow[],
  { fromHour, toHour, label, per }: UsageRange & { readonly per: UsageStep },
): UsageRecords["records"] {
  const lengths = { hour: 1, day: dayHours, range: toHour - fromHour };
  const groups = new Map<string, { start: number; value: string | null; sums: UsageSums }>();
  for (const row of rows) {
    const [start, value] = [stepOf(row.hour, per, fromHour), row.value];
    const key = JSON.stringify([start, value]);
    const present = groups.get(key)?.sums;
    groups.set(key, { start, value, sums: present === undefined ? row : total([present, row]) });
  }
  const records = [...groups.values()].map(({ start, value, sums }) => {
    const [begin, end] = [Math.max(start, fromHour), Math.min(start + lengths[per], toHour)];
    return { begin, end, value, sums };
  });
  records.sort((a, b) => a.begin - b.begin || compare(a.value, b.value));
  return records.map(({ begin, end, value, sums }) => ({
    from: iso(begin * hourMs),
    to: iso(end * hourMs),
    ...(label === null ? {} : { value }),
    ...amounts(sums),
  }));
}

function stepOf(hour: number, per: UsageStep, fromHour: number): number {
  if (per === "range") return fromHour;
  return per === "day" ? hour - (hour % dayHours) : hour;
}

function compare(one: string | null, other: string | null): number {
  if (one === other) return 0;
  if (one === null || other === null) return one === null ? -1 : 1;
  return one < other ? -1 : 1;
}

function total(rows: readonly UsageSums[]): UsageSums {
  const sum = { millicoreMs: 0, memoryMiBMs: 0, diskMiBMs: 0 };
  for (const { millicoreMs, memoryMiBMs, diskMiBMs } of rows) {
    sum.millicoreMs += millicoreMs;
    sum.memoryMiBMs += memoryMiBMs;
    sum.diskMiBMs += diskMiBMs;
  }
  return sum;
}

function amounts({ millicoreMs, memoryMiBMs, diskMiBMs }: UsageSums): UsageAmounts {
  return {
    coreSeconds: millicoreMs / 1_000_000,
    memoryGiBSeconds: memoryMiBMs / 1_024_000,
    diskGiBSeconds: diskMiBMs / 1_024_000,
  };
}

function monthOf(at: number): number {
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
