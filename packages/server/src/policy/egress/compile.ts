/** A policy made ready to be asked often: normalised, its globs compiled, its rules found by host. */
import {
  type AddressRange,
  actionOf,
  changesRequests,
  type EgressPolicy,
  type EgressRule,
  type RuleAction,
  readHostPattern,
  readRange,
  schemeOf,
} from "@alcove/contract";
import { compileGlobs, hostGlobs, hostSyntax, type Matches, pathGlobs, pathSyntax } from "./glob.js";
import { encodePathPattern } from "./path.js";
import { indexRules, type RuleIndex } from "./rule-index.js";
import type { EgressScheme } from "./verdict.js";

export interface CompiledEgress {
  readonly policy: EgressPolicy;
  /** What is denied goes through, and is recorded as such. */
  readonly isAudit: boolean;
  /** `rules`, then `hostRules`: the first that matches decides. */
  readonly rules: readonly CompiledRule[];
  readonly index: RuleIndex;
  readonly transport: readonly CompiledTransportRule[];
}

export interface CompiledRule {
  /** As verdicts name it. */
  readonly name: string;
  /** As sentences name it. */
  readonly title: string;
  readonly action: RuleAction;
  /** Folded, in punycode. */
  readonly host: string;
  readonly matchesHost: Matches;
  readonly schemes: Readonly<Record<EgressScheme, boolean>>;
  /** Undefined: all; so too below. */
  readonly ports: ReadonlySet<number> | undefined;
  readonly methods: ReadonlySet<string> | undefined;
  readonly path: CompiledPath | undefined;
  /** One of the group's, by name. Undefined: its default. */
  readonly route: string | undefined;
}

export interface CompiledPath {
  readonly glob: string;
  readonly matches: Matches;
  readonly isNormalized: boolean;
}

export interface CompiledTransportRule {
  readonly name: string;
  readonly action: "Allow" | "Deny";
  readonly range: AddressRange;
  readonly port: number | undefined;
}

/** Takes what the contract's schema accepted; throws for anything else. */
export function compileEgress(policy: EgressPolicy): CompiledEgress {
  const hostRules = (policy.hostRules ?? []).map(({ pattern, action }, at) => {
    const name = `hostRules[${at}]`;
    return compileRule({ name, match: { host: pattern }, action: { type: action } }, name);
  });
  const rules = [...(policy.rules ?? []).map((rule) => compileRule(rule, `rule "${rule.name}"`)), ...hostRules];
  return {
    policy,
    isAudit: policy.enforcementMode === "Audit",
    rules,
    index: indexRules(rules.map(({ host, path }) => ({ host, path: path?.isNormalized ? path.glob : undefined }))),
    transport: compileTransport(policy),
  };
}

function compileRule(rule: EgressRule, title: string): CompiledRule {
  const { name, match } = rule;
  const action = actionOf(rule);
  const host = patternOf(match.host);
  const scheme = schemeOf(rule);
  const isForRequests = changesRequests(action);
  return {
    name,
    title,
    action,
    host,
    matchesHost: compileGlobs(hostGlobs(host), hostSyntax),
    schemes: {
      http: scheme === "http" || scheme === "any",
      https: scheme === "https" || scheme === "any",
      tcp: scheme === "tcp" || (scheme === "any" && !isForRequests),
    },
    ports: match.ports && new Set(match.ports),
    methods: match.methods && new Set(match.methods),
    path: compilePath(match),
    route: rule.route,
  };
}

function compilePath({ path, normalizePath: isNormalized = true }: EgressRule["match"]): CompiledPath | undefined {
  if (path === undefined) return undefined;
  const glob = isNormalized ? encodePathPattern(path) : path;
  return { glob, matches: compileGlobs(pathGlobs(glob), pathSyntax), isNormalized };
}

function compileTransport({ transportRules }: EgressPolicy): readonly CompiledTransportRule[] {
  return (transportRules?.rules ?? []).map(({ action, destination, port }, at) => {
    const range = readRange(destination);
    if ("message" in range) throw new TypeError(`transportRules[${at}].destination ${range.message}`);
    return { name: `transportRules[${at}]`, action, range, port: port ?? undefined };
  });
}

function patternOf(text: string): string {
  const read = readHostPattern(text);
  if ("message" in read) throw new TypeError(`the host ${JSON.stringify(text)} ${read.message}`);
  return read.pattern;
}
