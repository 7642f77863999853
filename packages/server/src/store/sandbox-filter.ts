/**
 * Sandboxes of a group by labels and state. The rarest label walks its part of the label index, newest first; the others,
 * and the state, are looked up for each sandbox on the way, so a page costs what it skips and shows, not what is on record.
 */
import type { Labels, SandboxState } from "@alcove/contract";
import type Database from "better-sqlite3";
import { all, one, type Parameters } from "./statement.js";

export interface LabelFilter {
  readonly group: string;
  readonly labels?: Labels;
  readonly state?: SandboxState;
  /** Only those created before the one with this id; none where that is not there. */
  readonly before?: string;
}

export function selectByFilter<Row>(database: Database.Database) {
  const prepared = new Map<string, (parameters: Parameters) => unknown[]>();
  /** At most 65 label counts × 2 × 2 × 2 texts, as the contract allows 64 labels. */
  const run = <Result>(sql: string, parameters: Parameters): Result[] => {
    const statement = prepared.get(sql) ?? all<unknown>(database, sql);
    prepared.set(sql, statement);
    return statement(parameters) as Result[];
  };
  const rarestFirst = labelOrder(database);
  return {
    rows(filter: LabelFilter, page: { readonly limit: number; readonly offset: number }): Row[] {
      const { from, order, parameters } = clauses(filter, rarestFirst(filter));
      const sql = `select s.* ${from} order by ${order} desc limit @limit offset @offset`;
      return run<Row>(sql, { ...parameters, ...page });
    },
    count(filter: LabelFilter): number {
      const { from, parameters } = clauses(filter, rarestFirst(filter));
      return run<{ count: number }>(`select count(*) as count ${from}`, parameters)[0]?.count ?? 0;
    },
  };
}

type Label = readonly [key: string, value: string];

/** Beyond this many, labels count as equally common. */
const countedUpTo = 1_000;

function labelOrder(database: Database.Database): (filter: LabelFilter) => Label[] {
  const count = one<{ count: number }>(
    database,
    `select count(*) as count from (select 1 from sandbox_labels
       where group_name = @group and key = @key and value = @value limit ${countedUpTo})`,
  );
  return ({ group, labels = {} }) => {
    const entries = Object.entries(labels);
    if (entries.length < 2) return entries;
    const counted = entries.map(([key, value]) => ({ key, value, count: count({ group, key, value })?.count ?? 0 }));
    return counted.sort((a, b) => a.count - b.count).map(({ key, value }) => [key, value]);
  };
}

function clauses(
  filter: LabelFilter,
  labels: readonly Label[],
): { from: string; order: string; parameters: Parameters } {
  const parameters: Record<string, string> = { group: filter.group };
  labels.forEach(([key, value], index) => {
    parameters[`key${index}`] = key;
    parameters[`value${index}`] = value;
  });
  if (filter.state !== undefined) parameters.state = filter.state;
  if (filter.before !== undefined) parameters.before = filter.before;
  const state = filter.state === undefined ? "" : " and s.state = @state";
  const older = (sequence: string) =>
    filter.before === undefined ? "" : ` and ${sequence} < (select sequence from sandboxes where id = @before)`;
  if (labels.length === 0) {
    return {
      from: `from sandboxes s where s.group_name = @group${state}${older("s.sequence")}`,
      order: "s.sequence",
      parameters,
    };
  }
  const others = labels.slice(1).map((_, index) => ` and ${hasLabel(index + 1)}`);
  const from =
    "from sandbox_labels l cross join sandboxes s on s.sequence = l.sequence " +
    `where l.group_name = @group and l.key = @key0 and l.value = @value0${others.join("")}${state}${older("l.sequence")}`;
  return { from, order: "l.sequence", parameters };
}

function hasLabel(index: number): string {
  return (
    "exists (select 1 from sandbox_labels o where o.group_name = @group " +
    `and o.key = @key${index} and o.value = @value${index} and o.sequence = l.sequence)`
  );
}
