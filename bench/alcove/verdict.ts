/**
 * What a verdict of an egress policy with 1,000 rules costs, by requests that fall on every kind of rule: an exact host, a suffix, other globs,
 * many paths of one host, a host that no rule has, and an address.
 */
import { EgressPolicy } from "@alcove/contract";
import { compileEgress } from "../../packages/server/src/policy/egress/compile.js";
import { decide } from "../../packages/server/src/policy/egress/decide.js";
import type { EgressQuestion } from "../../packages/server/src/policy/egress/verdict.js";

/** Of each round: enough that the clock's own steps do not count. */
const verdictsOfRound = 12_000;

/** Answers microseconds a verdict, one figure a round. */
export function measureVerdicts(rounds: number): number[] {
  const compiled = compileEgress(EgressPolicy.parse(policy));
  for (const { asked, rule } of requests) {
    const decided = decide(compiled, asked).rule;
    if (decided !== rule) throw new Error(`${asked.host}${asked.path} is decided by ${decided}, not ${rule}`);
  }
  return Array.from({ length: rounds + 1 }, () => {
    const started = performance.now();
    for (let at = 0; at < verdictsOfRound; at++) {
      const request = requests[at % requests.length];
      if (request !== undefined) decide(compiled, request.asked);
    }
    return ((performance.now() - started) * 1_000) / verdictsOfRound;
  }).slice(1);
}

const allow = { type: "Allow" };
const some = <Rule>(count: number, make: (at: number) => Rule) => Array.from({ length: count }, (_, at) => make(at));

const policy = {
  defaultAction: "Deny",
  rules: [
    ...some(300, (at) => ({ name: `host-${at}`, match: { host: `host-${at}.example.com` }, action: allow })),
    ...some(300, (at) => ({
      name: `suffix-${at}`,
      match: { host: `*.suffix-${at}.example.com`, path: "/v1/**" },
      action: allow,
    })),
    ...some(100, (at) => ({
      name: `glob-${at}`,
      match: { host: `api-*.glob-${at}.*`, methods: ["GET"] },
      action: allow,
    })),
    ...some(300, (at) => ({
      name: `path-${at}`,
      match: { host: "paths.example.com", path: `/repos/*/project-${at}/**` },
      action: allow,
    })),
  ],
};

const request = (host: string, path: string, rule: string) => ({
  asked: { host, port: 443, scheme: "https", method: "GET", path } satisfies EgressQuestion,
  rule,
});

/** Of each kind the last rule, for which most others were looked at. */
const requests = [
  request("host-299.example.com", "/index.html?q=1", "host-299"),
  request("a.b.suffix-299.example.com", "/v1/items/1", "suffix-299"),
  request("api-7.glob-99.example.org", "/", "glob-99"),
  request("paths.example.com", "/repos/owner/project-299/tree/main", "path-299"),
  request("nowhere.example.org", "/a%2Fb/../c", "default"),
  request("203.0.113.7", "/", "default"),
];
