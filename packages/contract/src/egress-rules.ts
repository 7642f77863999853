/** What a rule of a policy is for, and what it does: filled in where the rule leaves it out. */
import type { EgressAction, EgressHook, EgressRule } from "./egress.js";

/** With Hook in the place of ACA's `hookRef`. */
export type RuleAction = EgressAction | ({ readonly type: "Hook" } & Readonly<EgressHook>);

type Part<Key extends keyof EgressRule> = Pick<EgressRule, Key>;

export function actionOf({ action, hookRef }: Part<"action" | "hookRef">): RuleAction {
  if (hookRef !== undefined) return { type: "Hook", ...hookRef };
  return action ?? { type: "Deny" };
}

/** What a rule is for when it does not say: everything when it denies, else https. */
export function schemeOf(rule: Part<"match" | "action" | "hookRef">): "http" | "https" | "tcp" | "any" {
  return rule.match.scheme ?? (actionOf(rule).type === "Deny" ? "any" : "https");
}

/** Whether a rule is about single requests, so that TLS has to be opened for it. */
export function looksIntoRequests(
  { path, methods }: { readonly path?: unknown; readonly methods?: unknown },
  action: RuleAction,
): boolean {
  return path !== undefined || methods !== undefined || changesRequests(action);
}

/** Neither can be done to what is no request. */
export function changesRequests({ type }: RuleAction): boolean {
  return type === "Transform" || type === "Rewrite" || type === "Hook";
}
