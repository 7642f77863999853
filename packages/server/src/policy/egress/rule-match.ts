/** Whether one rule matches what is asked, and if not, for want of what. */
import { isAddressHost } from "./address-host.js";
import type { CompiledRule } from "./compile.js";
import { type PathReadings, readPath, withoutQuery } from "./path.js";
import type { Segments } from "./rule-index.js";
import type { EgressQuestion } from "./verdict.js";

/**
 * unknown: it may match, since the question lacks a method or path, or has one that not every server reads the same way. Such a rule counts
 * if it denies and is passed over if it does not: in doubt nothing goes out.
 */
export type RuleMatch = { readonly outcome: "yes" | "no" | "unknown"; readonly on: MatchedOn };
export type MatchedOn = "host" | "scheme" | "port" | "method" | "path" | "all";

/** What is asked, with its path read once for all rules. */
export interface ReadQuestion extends EgressQuestion {
  readings(): PathReadings | undefined;
  /** Those of every reading; undefined where it may be any path. */
  segments(): Segments;
}

/** Field by field: a spread takes longer than all the rest of a verdict. */
export function readQuestion({ host, port, scheme, method, path }: EgressQuestion): ReadQuestion {
  let read: { readonly readings: PathReadings | undefined } | undefined;
  const readings = () => {
    read ??= { readings: path === undefined ? undefined : readPath(path) };
    return read.readings;
  };
  const segments = () => readings()?.possible.flatMap((reading) => reading.split("/"));
  return { host, port, scheme, method, path, readings, segments };
}

export function matchRule(rule: CompiledRule, asked: ReadQuestion): RuleMatch {
  if (!hasHost(rule, asked.host)) return misses.host;
  if (!rule.schemes[asked.scheme]) return misses.scheme;
  if (rule.ports !== undefined && !rule.ports.has(asked.port)) return misses.port;
  const method = methodOutcome(rule, asked.method);
  if (method === "no") return misses.method;
  const path = pathOutcome(rule, asked);
  if (path === "no") return misses.path;
  if (method === "unknown") return doubts.method;
  return path === "unknown" ? doubts.path : match;
}

/** Only `*` and the address itself match an address: what a glob says is about names. */
export function hasHost(rule: Pick<CompiledRule, "host" | "matchesHost">, host: string): boolean {
  if (rule.host === "*" || rule.host === host) return true;
  return rule.matchesHost(host) && !isAddressHost(host);
}

/** Methods are upper case; some servers take others for the same. */
function methodOutcome({ methods }: CompiledRule, method: string | undefined): RuleMatch["outcome"] {
  if (methods === undefined) return "yes";
  if (method === undefined) return "unknown";
  if (methods.has(method)) return "yes";
  return methods.has(method.toUpperCase()) ? "unknown" : "no";
}

function pathOutcome({ path }: CompiledRule, asked: ReadQuestion): RuleMatch["outcome"] {
  if (path === undefined) return "yes";
  if (asked.path === undefined) return "unknown";
  if (!path.isNormalized) return path.matches(withoutQuery(asked.path)) ? "yes" : "no";
  const readings = asked.readings();
  if (readings === undefined) return "unknown";
  if (readings.certain.every(path.matches)) return "yes";
  return readings.possible.some(path.matches) ? "unknown" : "no";
}

const miss = (on: MatchedOn): RuleMatch => ({ outcome: "no", on });
const misses = {
  host: miss("host"),
  scheme: miss("scheme"),
  port: miss("port"),
  method: miss("method"),
  path: miss("path"),
};
const doubts: Record<"method" | "path", RuleMatch> = {
  method: { outcome: "unknown", on: "method" },
  path: { outcome: "unknown", on: "path" },
};
const match: RuleMatch = { outcome: "yes", on: "all" };
