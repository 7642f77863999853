/**
 * Which rules may match a host, found by the literal labels at an end of their patterns: of a thousand rules only those are looked at
 * that can match. It leaves none of these out; whether one does match is still to be seen.
 */
import { isAddressHost } from "./address-host.js";

export interface HostIndex {
  /** Visits the positions of patterns that may match, in their order, until `visit` answers something. */
  find<Found>(host: string, visit: (position: number) => Found | undefined): Found | undefined;
}

type Row = readonly number[];

export function indexHosts(patterns: readonly string[]): HostIndex {
  const rows = new Map<string, number[]>();
  for (const [position, pattern] of patterns.entries()) {
    const key = keyOf(pattern);
    const row = rows.get(key);
    if (row === undefined) rows.set(key, [position]);
    else row.push(position);
  }
  const hasBeginnings = [...rows.keys()].some((key) => key.endsWith("."));
  return {
    find: (host, visit) => {
      const found: Row[] = [];
      for (const key of keysFor(host, hasBeginnings)) {
        const row = rows.get(key);
        if (row !== undefined) found.push(row);
      }
      return findInOrder(found, visit);
    },
  };
}

const everything = "*";
const everyName = "?";

/** `.example.com`: names that end so, and example.com. `api.`: names that begin so, and api. `=example.com`: that host alone. */
function keyOf(pattern: string): string {
  if (pattern === "*") return everything;
  if (!/[*?]/.test(pattern)) return `=${pattern}`;
  const ending = pattern.slice(pattern.search(/[^*?]*$/));
  if (ending.includes(".")) return ending.slice(ending.indexOf("."));
  const beginning = pattern.slice(0, pattern.search(/[*?]/));
  return beginning.includes(".") ? beginning.slice(0, beginning.lastIndexOf(".") + 1) : everyName;
}

function keysFor(host: string, hasBeginnings: boolean): readonly string[] {
  const keys = [everything, `=${host}`];
  if (isAddressHost(host)) return keys;
  keys.push(everyName);
  const dotted = `.${host}.`;
  for (let at = 0; at < dotted.length - 1; at = dotted.indexOf(".", at + 1)) keys.push(dotted.slice(at, -1));
  if (!hasBeginnings) return keys;
  for (let at = dotted.indexOf(".", 1); at > 0; at = dotted.indexOf(".", at + 1)) keys.push(dotted.slice(1, at + 1));
  return keys;
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
