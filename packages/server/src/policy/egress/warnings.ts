/** What is allowed in a policy and hardly meant. */
import { actionOf, type EgressPolicy, type LiteralTemplate, literalTemplates, rangeHas } from "@alcove/contract";
import { type CompiledEgress, type CompiledRule, type CompiledTransportRule, compileEgress } from "./compile.js";
import { coverGlobs, hostGlobs, hostSyntax, pathGlobs, pathSyntax } from "./glob.js";

export interface EgressWarning {
  readonly code:
    | "UnreachableRule"
    | "ShallowPath"
    | "QueryInPath"
    | "UnseenDenied"
    | "SecretNotForHost"
    | LiteralTemplate["code"];
  /** A sentence for people. */
  readonly message: string;
  /** As a path: `rules[3].match.path`. */
  readonly field: string;
}

/** At most 100. */
export function egressWarnings(policy: EgressPolicy): readonly EgressWarning[] {
  const compiled = compileEgress(policy);
  return [
    ...unreachableRules(compiled),
    ...unreachableTransport(compiled),
    ...oddPaths(policy),
    ...unseenDenied(compiled),
    ...literalTemplates(policy),
  ].slice(0, 100);
}

function unreachableRules({ rules, index, policy }: CompiledEgress): EgressWarning[] {
  const count = policy.rules?.length ?? 0;
  let comparisons = 0;
  return rules.flatMap((rule, position) => {
    const sample = { host: rule.host === "*" ? "*" : sampleOf(rule.host), path: sampleOf(rule.path?.glob ?? "/") };
    const earlier = index.find(
      sample.host,
      () => undefined,
      (at) => {
        const other = at < position ? rules[at] : undefined;
        if (other === undefined || !takesSample(other, rule, sample.path) || ++comparisons > mostComparisons)
          return undefined;
        return hasAllPaths(other, rule) && hasAllHosts(other.host, rule.host) ? other : undefined;
      },
    );
    if (earlier === undefined) return [];
    const field = position < count ? `rules[${position}]` : `hostRules[${position - count}]`;
    const message = `${rule.title} can never decide: ${earlier.title} comes before it and matches all that it does.`;
    return [{ code: "UnreachableRule", message, field }];
  });
}

/** Comparing globs is slow beside the rest; beyond this a policy has no more than its first warnings. */
const mostComparisons = 2_000;

/** One of the texts that a glob matches: what covers the glob matches it too. */
function sampleOf(glob: string): string {
  return glob.replace(/\*+|\?/g, "x");
}

/** All that is quickly seen; of the paths, one of them. */
function takesSample(earlier: CompiledRule, later: CompiledRule, path: string): boolean {
  return (
    (["http", "https", "tcp"] as const).every((scheme) => earlier.schemes[scheme] || !later.schemes[scheme]) &&
    hasAll(earlier.ports, later.ports) &&
    hasAll(earlier.methods, later.methods) &&
    (earlier.path === undefined || (later.path !== undefined && earlier.path.matches(path)))
  );
}

function hasAll<Value>(earlier: ReadonlySet<Value> | undefined, later: ReadonlySet<Value> | undefined): boolean {
  return earlier === undefined || (later !== undefined && [...later].every((value) => earlier.has(value)));
}

function hasAllPaths({ path: earlier }: CompiledRule, { path: later }: CompiledRule): boolean {
  if (earlier === undefined) return true;
  if (later === undefined || earlier.isNormalized !== later.isNormalized) return false;
  return earlier.glob === later.glob || coverGlobs(pathGlobs(earlier.glob), pathGlobs(later.glob), pathSyntax);
}

/** Of all globs only `*` is for addresses too. */
function hasAllHosts(earlier: string, later: string): boolean {
  if (earlier === "*" || earlier === later) return true;
  return later !== "*" && coverGlobs(hostGlobs(earlier), hostGlobs(later), hostSyntax);
}

function unreachableTransport({ transport }: CompiledEgress): EgressWarning[] {
  return transport.flatMap((rule, at) => {
    const earlier = transport.slice(0, at).find((other) => takesAllAddresses(other, rule));
    if (earlier === undefined) return [];
    const message = `${rule.name} can never decide: ${earlier.name} comes before it and matches all that it does.`;
    return [{ code: "UnreachableRule", message, field: `transportRules.rules[${at}]` }];
  });
}

function takesAllAddresses(earlier: CompiledTransportRule, later: CompiledTransportRule): boolean {
  const hasPort = earlier.port === undefined || earlier.port === later.port;
  return (
    hasPort && earlier.range.prefixLength <= later.range.prefixLength && rangeHas(earlier.range, later.range.first)
  );
}

function oddPaths({ rules = [] }: EgressPolicy): EgressWarning[] {
  return rules.flatMap(({ name, match: { path = "" }, ...does }, at): EgressWarning[] => {
    const field = `rules[${at}].match.path`;
    if (/\?[^/]*=/.test(path)) {
      const message = `rule "${name}" seems to name a query, which is no part of the path: its ? stands for one character.`;
      return [{ code: "QueryInPath", message, field }];
    }
    if (actionOf(does).type !== "Deny" || !/(?<!\*)\*$/.test(path)) return [];
    const message = `rule "${name}" denies no more than one segment: * stops at a slash. Write ${path}* for everything below.`;
    return [{ code: "ShallowPath", message, field }];
  });
}

/** In doubt a rule that denies counts: also on what is neither TLS nor HTTP, although something later would allow that. */
function unseenDenied({ rules, policy }: CompiledEgress): EgressWarning[] {
  const isAllowedAtLast = policy.defaultAction === "Allow" && policy.trafficInspection !== "Full";
  const lastAllowed = rules.findLastIndex(({ action, schemes }) => action.type === "Allow" && schemes.tcp);
  return rules.flatMap(({ title, action, schemes, methods, path }, at): EgressWarning[] => {
    const isInDoubt = schemes.tcp && (methods !== undefined || path !== undefined);
    if (action.type !== "Deny" || !isInDoubt || !(isAllowedAtLast || at < lastAllowed)) return [];
    const message = `${title} also denies what is neither TLS nor HTTP, since that may hide such a request. Give it scheme https, or allow scheme tcp before it.`;
    return [{ code: "UnseenDenied", message, field: `rules[${at}].match.scheme` }];
  });
}
