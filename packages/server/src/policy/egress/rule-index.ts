/**
 * Which rules may match a request, found by what is literal in their patterns: by the host, and where a host has many rules by a segment of
 * the path. Of a thousand rules only those are looked at that can match. It leaves none of these out; whether one does match is still
 * to be seen.
 */
import { isAddressHost } from "./address-host.js";

export interface RuleIndex {
  /**
   * Visits the positions of rules that may match, in their order, until `visit` answers something. The segments are those of every reading of the
   * path; undefined: it may be any path.
   */
  find<Found>(
    host: string,
    segments: () => Segments,
    visit: (position: number) => Found | undefined,
  ): Found | undefined;
}

export type Segments = readonly string[] | undefined;

interface Indexed {
  readonly host: string;
  /** The glob of a normalised path; undefined where all or raw paths are meant. */
  readonly path: string | undefined;
}

type Row = readonly number[];

/** Rules of one key, in their order; by a segment that their paths have, or `""`. */
interface Rows {
  readonly all: number[];
  readonly bySegment: Map<string, number[]>;
}

export function indexRules(rules: readonly Indexed[]): RuleIndex {
  const byHost = new Map<string, Rows>();
  for (const [position, { host, path }] of rules.entries()) {
    const rows = entry(byHost, hostKey(host), (): Rows => ({ all: [], bySegment: new Map() }));
    rows.all.push(position);
    entry(rows.bySegment, path === undefined ? "" : longestLiteral(path, "/"), (): number[] => []).push(position);
  }
  const hasLabels = [...byHost.keys()].some((key) => key.startsWith("@"));
  return {
    find: (host, segments, visit) => {
      const found: Row[] = [];
      for (const key of hostKeys(host, hasLabels)) {
        const rows = byHost.get(key);
        if (rows !== undefined) addRows(found, rows, segments);
      }
      return findInOrder(found, visit);
    },
  };
}

/** Below this it is quicker to look at all of them. */
const fewRules = 8;

function addRows(found: Row[], { all, bySegment }: Rows, segments: () => Segments): void {
  const wanted = all.length <= fewRules ? undefined : segments();
  if (wanted === undefined) {
    found.push(all);
    return;
  }
  for (const segment of ["", ...new Set(wanted.filter((each) => each !== ""))]) {
    const row = bySegment.get(segment);
    if (row !== undefined) found.push(row);
  }
}

const everything = "*";
const everyName = "?";

/** `=example.com`: that host alone. `.example.com`: names that end so, and example.com. `@api`: names with that label. */
function hostKey(pattern: string): string {
  if (pattern === "*") return everything;
  if (!/[*?]/.test(pattern)) return `=${pattern}`;
  const ending = pattern.slice(pattern.search(/[^*?]*$/));
  if (ending.includes(".")) return ending.slice(ending.indexOf("."));
  const label = longestLiteral(pattern, ".");
  return label === "" ? everyName : `@${label}`;
}

function hostKeys(host: string, hasLabels: boolean): readonly string[] {
  const keys = [everything, `=${host}`];
  if (isAddressHost(host)) return keys;
  keys.push(everyName, `.${host}`);
  for (let at = host.indexOf("."); at >= 0; at = host.indexOf(".", at + 1)) keys.push(host.slice(at));
  if (hasLabels) for (const label of new Set(host.split("."))) keys.push(`@${label}`);
  return keys;
}

/** What stands whole between two separators of whatever the glob matches. */
function longestLiteral(glob: string, separator: string): string {
  const literals = glob.split(separator).filter((part) => !/[*?]/.test(part));
  return literals.reduce((longest, part) => (part.length > longest.length ? part : longest), "");
}

function entry<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

/** Each row is in order; the lowest position of all comes next. */
function findInOrder<Found>(rows: readonly Row[], visit: (position: number) => Found | undefined): Found | undefined {
  const next = rows.map(() => 0);
  for (;;) {
    let lowest = Number.POSITIVE_INFINITY;
    let from = -1;
    for (let at = 0; at < rows.length; at++) {
      const position = rows[at]?.[next[at] ?? 0];
      if (position === undefined || position >= lowest) continue;
      lowest = position;
      from = at;
    }
    if (from < 0) return undefined;
    next[from] = (next[from] ?? 0) + 1;
    const found = visit(lowest);
    if (found !== undefined) return found;
  }
}
