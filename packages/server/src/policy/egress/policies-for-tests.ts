/** Policies and questions over so small an alphabet that they meet; and what they mean, said as plainly and slowly as possible. */
import { type EgressAction, EgressPolicy, type EgressRule } from "@alcove/contract";
import fc from "fast-check";
import type { EgressQuestion } from "./verdict.js";

const label = fc.constantFrom("a", "b", "ab", "a1");
export const names = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
const addresses = fc.constantFrom("10.0.0.1", "10.0.0.200", "10.9.0.1", "2001:db8::1", "2001:db8:1::1");
export const hosts = fc.oneof({ weight: 6, arbitrary: names }, { weight: 1, arbitrary: addresses });

const patternLabel = fc.oneof(label, fc.constantFrom("*", "a*", "*b", "?", "a?", "*a*"));
const patterns = fc.oneof(
  { weight: 6, arbitrary: fc.array(patternLabel, { minLength: 1, maxLength: 3 }).map((labels) => labels.join(".")) },
  { weight: 1, arbitrary: addresses },
);

const segments = fc.constantFrom("a", "b", "ab", "é", "%");
const canonicalPaths = fc.array(segments, { maxLength: 3 }).map((parts) => `/${parts.join("/")}`);
const pathPatterns = fc
  .array(fc.oneof(segments, fc.constantFrom("*", "**", "?", "a*")), { maxLength: 3 })
  .map((parts) => `/${parts.join("/")}`);

export const ports = fc.constantFrom(22, 80, 443);
const methods = fc.constantFrom("GET", "POST", "PUT");
const some = <Value>(value: fc.Arbitrary<Value>) => fc.uniqueArray(value, { minLength: 1, maxLength: 2 });
const verdicts = fc.constantFrom("Allow" as const, "Deny" as const);

const match = fc.record(
  {
    host: patterns,
    path: pathPatterns,
    methods: some(methods),
    scheme: fc.constantFrom("http" as const, "https" as const, "tcp" as const, "any" as const),
    ports: some(ports),
  },
  { requiredKeys: ["host"] },
);

const actions: fc.Arbitrary<EgressAction> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: verdicts }) },
  fc.constant<EgressAction>({ type: "Transform", headers: [{ operation: "Remove", name: "X-A" }] }),
  fc.constant<EgressAction>({ type: "Rewrite", path: "/elsewhere" }),
);

const rule = fc.record({ match, action: actions });

/** So many that a host's rules are found by their paths. */
const manyOfOneHost = fc
  .tuple(patterns, fc.array(rule, { minLength: 10, maxLength: 16 }))
  .map(([host, rules]) => rules.map((each) => ({ ...each, match: { ...each.match, host } })));

const transportRules = fc.record({
  action: verdicts,
  protocol: fc.constant("Tcp" as const),
  destination: fc.constantFrom(
    "10.0.0.0/24",
    "10.0.0.128/25",
    "10.0.0.0/8",
    "2001:db8::/32",
    "2001:db8::/48",
    "0.0.0.0/0",
  ),
  port: fc.constantFrom(22, 443, null),
});

/** Valid ones only. */
export const policies: fc.Arbitrary<EgressPolicy> = fc
  .record(
    {
      defaultAction: verdicts,
      rules: fc.oneof(
        { weight: 4, arbitrary: fc.array(rule, { maxLength: 6 }) },
        { weight: 1, arbitrary: manyOfOneHost },
      ),
      hostRules: fc.array(fc.record({ pattern: patterns, action: verdicts }), { maxLength: 3 }),
      transportRules: fc.record({ rules: fc.array(transportRules, { maxLength: 3 }) }),
      trafficInspection: fc.constantFrom("Full" as const, "Partial" as const, "None" as const),
    },
    { requiredKeys: ["defaultAction", "rules"] },
  )
  .map((policy) => ({ ...policy, rules: policy.rules.map((rule, at) => ({ name: `r${at}`, ...rule })) }))
  .filter((policy) => EgressPolicy.safeParse(policy).success);

/** A question, with its path as people would write it, for the plain matcher. */
export interface PlainQuestion extends EgressQuestion {
  readonly plainPath?: string;
}

export const questions: fc.Arbitrary<PlainQuestion> = fc
  .tuple(
    hosts,
    ports,
    fc.constantFrom("http" as const, "https" as const, "tcp" as const),
    methods,
    canonicalPaths,
    fc.infiniteStream(fc.nat(9)),
  )
  .chain(([host, port, scheme, method, plainPath, ways]) => {
    const request = { host, port, scheme, method, plainPath, path: written(plainPath, ways) };
    const bare = { host, port, scheme };
    return scheme === "tcp"
      ? fc.constant(bare)
      : scheme === "http"
        ? fc.constant(request)
        : fc.constantFrom(request, request, bare);
  });

/** One of the many ways to write a path that mean it. */
function written(path: string, ways: Iterator<number>): string {
  const asEscape = (character: string) =>
    encodeURIComponent(character).replace(/^[^%]$/, (each) => `%${each.charCodeAt(0).toString(16)}`);
  const text = [...path].map((character, at) => {
    const way = ways.next().value as number;
    if (character === "/") return at === 0 ? "/" : (["//", "%2f", "%2F/", "\\", "%5c", "%252F"][way] ?? "/");
    if (/[é%]/.test(character) || way === 0) return asEscape(character);
    return way === 1 ? asEscape(character).replace("%", "%25") : character;
  });
  return `${text.join("")}${(ways.next().value as number) === 0 ? "?x=/../y" : ""}`;
}

/** `allow` and `deny` by whom; a rule that nobody can know to match counts only if it denies. */
export function plainVerdict(
  policy: EgressPolicy,
  asked: PlainQuestion,
): { readonly isDenied: boolean; readonly rule: string } {
  for (const [at, { action, destination, port }] of (policy.transportRules?.rules ?? []).entries()) {
    const isMeant =
      plainRangeHas(destination, asked.host) && (port === null || port === undefined || port === asked.port);
    if (isMeant) return { isDenied: action === "Deny", rule: `transportRules[${at}]` };
  }
  for (const rule of policy.rules ?? []) {
    const verdict = plainRule(rule, asked);
    if (verdict !== undefined) return { isDenied: verdict === "deny", rule: rule.name };
  }
  for (const [at, { pattern, action }] of (policy.hostRules ?? []).entries()) {
    if (!plainHost(pattern, asked.host) || (action === "Allow" && asked.scheme !== "https")) continue;
    return { isDenied: action === "Deny", rule: `hostRules[${at}]` };
  }
  const isUninspected = policy.trafficInspection === "Full" && asked.scheme === "tcp";
  return { isDenied: policy.defaultAction === "Deny" || isUninspected, rule: "default" };
}

function plainRule({ match: wanted, action }: EgressRule, asked: PlainQuestion): "allow" | "deny" | undefined {
  const isDeny = action?.type === "Deny";
  const changesRequests = action?.type !== "Allow" && !isDeny;
  if (!plainHost(wanted.host, asked.host)) return undefined;
  if (wanted.ports !== undefined && !wanted.ports.includes(asked.port)) return undefined;
  if (wanted.scheme === undefined && !isDeny && asked.scheme !== "https") return undefined;
  if (wanted.scheme !== undefined && wanted.scheme !== "any" && wanted.scheme !== asked.scheme) return undefined;
  if (changesRequests && asked.scheme === "tcp") return undefined;
  const isSeen = asked.method !== undefined && asked.plainPath !== undefined;
  if (!isSeen && (wanted.methods !== undefined || wanted.path !== undefined)) return isDeny ? "deny" : undefined;
  if (isSeen && wanted.methods !== undefined && !wanted.methods.includes(asked.method)) return undefined;
  if (isSeen && wanted.path !== undefined && !plainPathGlob(wanted.path, asked.plainPath)) return undefined;
  if (changesRequests && !isSeen) return "deny";
  return isDeny ? "deny" : "allow";
}

function plainHost(pattern: string, host: string): boolean {
  if (pattern === "*" || pattern === host) return true;
  if (host.includes(":") || /^\d+\./.test(host)) return false;
  return glob(pattern, host) || (pattern.startsWith("*.") && glob(pattern.slice(2), host));
}

function plainPathGlob(pattern: string, path: string): boolean {
  const [one, all] = [encodeURI(pattern).replaceAll("%2A", "*"), encodeURI(path)];
  return glob(one, all, "/") || (one.endsWith("/**") && one !== "/**" && glob(one.slice(0, -3), all, "/"));
}

function glob(pattern: string, text: string, separator?: string): boolean {
  if (pattern === "") return text === "";
  if (pattern.startsWith("*")) {
    const rest = pattern.replace(/^\*+/, "");
    if (glob(rest, text, separator)) return true;
    const isBarred = !pattern.startsWith("**") && text.startsWith(separator ?? "\n");
    return text !== "" && !isBarred && glob(pattern, text.slice(1), separator);
  }
  const isSame = pattern.startsWith("?")
    ? text !== "" && !text.startsWith(separator ?? "\n")
    : text.startsWith(pattern.charAt(0));
  return isSame && glob(pattern.slice(1), text.slice(1), separator);
}

function plainRangeHas(range: string, host: string): boolean {
  const [first = "", length = ""] = range.split("/");
  if (!/^[\d.]+$|:/.test(host) || first.includes(":") !== host.includes(":")) return false;
  return bitsOf(first).slice(0, Number(length)) === bitsOf(host).slice(0, Number(length));
}

function bitsOf(address: string): string {
  const bits = (number: number, count: number) => number.toString(2).padStart(count, "0");
  if (!address.includes(":"))
    return address
      .split(".")
      .map((part) => bits(Number(part), 8))
      .join("");
  const [front = [], back = []] = address.split("::").map((half) => half.split(":").filter((part) => part !== ""));
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => "0");
  return [...front, ...zeros, ...back].map((part) => bits(Number.parseInt(part, 16), 16)).join("");
}
