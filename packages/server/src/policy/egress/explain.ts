/** Why a verdict is what it is: every rule that was considered, in order, until one decided. Nothing is sent. */
import type { CompiledEgress, CompiledRule } from "./compile.js";
import { defaultVerdict, doubtOf, verdictBefore, verdictOf } from "./decide.js";
import { withoutQuery } from "./path.js";
import { type MatchedOn, matchRule, type ReadQuestion, type RuleMatch, readQuestion } from "./rule-match.js";
import type { EgressQuestion, EgressVerdict } from "./verdict.js";

export interface Consideration {
  readonly rule: string;
  readonly matched: boolean;
  /** A sentence for people. */
  readonly why: string;
}

export interface Explanation {
  readonly verdict: EgressVerdict;
  readonly considered: readonly Consideration[];
}

export function explain(compiled: CompiledEgress, question: EgressQuestion): Explanation {
  const asked = readQuestion(question);
  const before = verdictBefore(compiled, asked);
  if (before !== undefined) return { verdict: before, considered: [lastOf(before)] };
  const considered: Consideration[] = [];
  for (const rule of compiled.rules) {
    const match = matchRule(rule, asked);
    const verdict = verdictOf(rule, match, asked);
    if (verdict !== undefined) return { verdict, considered: [...considered, lastOf(verdict)] };
    considered.push({ rule: rule.name, matched: false, why: whyNot(rule, match, asked) });
  }
  const verdict = defaultVerdict(compiled, asked);
  return { verdict, considered: [...considered, lastOf(verdict)] };
}

function lastOf({ rule, reason }: EgressVerdict): Consideration {
  return { rule, matched: true, why: reason };
}

function whyNot(rule: CompiledRule, match: RuleMatch, asked: ReadQuestion): string {
  if (match.outcome === "unknown") return `${rule.title} allows nothing here: ${doubtOf(match, asked)}`;
  if (match.on === "host") return `${rule.title} is for ${rule.host}, not for ${asked.host}`;
  return `${rule.title} matches the host but not the ${match.on} ${seen(match.on, asked)}${hint(rule, match.on)}`;
}

function seen(on: MatchedOn, { scheme, port, method = "", path = "" }: ReadQuestion): string {
  if (on === "scheme") return scheme;
  if (on === "port") return `${port}`;
  return on === "method" ? method : withoutQuery(path).slice(0, 200);
}

/** What is easily forgotten: that not to name a scheme is to name https. */
function hint({ schemes }: CompiledRule, on: MatchedOn): string {
  const named = (["http", "https", "tcp"] as const).filter((scheme) => schemes[scheme]);
  return on === "scheme" ? `: it is for ${named.join(" and ")}` : "";
}
