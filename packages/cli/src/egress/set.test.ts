import { EgressPolicy } from "@alcove/contract";
import { expect, test } from "vitest";
import { ruleEntries } from "./rule-option.js";
import { simplePolicy } from "./set.js";

const rulesOf = (...texts: string[]) =>
  texts.reduce<ReturnType<typeof ruleEntries>>((all, text) => ruleEntries(text, all), []);
const policyOf = (...texts: string[]) => EgressPolicy.parse(simplePolicy({ default: "Deny", rule: rulesOf(...texts) }));

test.each([
  [
    "allow GET https://api.example.com/repos/**",
    "Allow",
    { host: "api.example.com", scheme: "https", path: "/repos/**", methods: ["GET"] },
  ],
  ["ALLOW get,head *.example.com/a/*", "Allow", { host: "*.example.com", path: "/a/*", methods: ["GET", "HEAD"] }],
  ["deny http://example.com:8080", "Deny", { host: "example.com", scheme: "http", ports: [8080] }],
  ["allow tcp://db.example.com:5432", "Allow", { host: "db.example.com", scheme: "tcp", ports: [5432] }],
  [
    " allow  https://[2001:db8::1]:8443/x ",
    "Allow",
    { host: "2001:db8::1", scheme: "https", ports: [8443], path: "/x" },
  ],
])("%s", (text, type, match) => {
  expect(policyOf(text).rules).toEqual([{ name: "rule-1", match, action: { type } }]);
});

test("hosts alone are host rules, in ACA's spelling too", () => {
  const hostRules = [
    { pattern: "*.example.com", action: "Allow" },
    { pattern: "2001:db8::1", action: "Deny" },
    { pattern: "a.test", action: "Allow" },
  ];
  expect(policyOf("*.example.com:Allow", "2001:db8::1:deny", "allow a.test")).toEqual({
    defaultAction: "Deny",
    hostRules,
  });
});

test("what is denied comes first, then rules as they were given, then what is allowed", () => {
  const options = {
    denyHost: ["bad.test"],
    allowHost: ["a.test"],
    hostAllow: ["b.test"],
    trafficInspection: "Full" as const,
  };
  const policy = simplePolicy({ default: "Deny", ...options, rule: rulesOf("deny a.test/x", "a.test:Deny") });
  expect(
    EgressPolicy.parse(policy).rules?.map(({ name, match, action }) => [name, match.host, match.path, action?.type]),
  ).toEqual([
    ["rule-1", "bad.test", undefined, "Deny"],
    ["rule-2", "a.test", "/x", "Deny"],
    ["rule-3", "a.test", undefined, "Deny"],
    ["rule-4", "a.test", undefined, "Allow"],
    ["rule-5", "b.test", undefined, "Allow"],
  ]);
  expect(policy.trafficInspection).toBe("Full");
});

test.each([
  ["", "It must be a rule such as"],
  ["allow", "It must be a rule such as"],
  ["permit a.test", "It must be a rule such as"],
  ["allow GET POST a.test", "It must be a rule such as"],
  ["a.test:Maybe", "It must be a rule such as"],
  ["allow ftp://a.test", "must be a host or a URL"],
  ["allow https://me@a.test/", "must be a host or a URL"],
  ["allow https://a.test/?q=1", "must be a host or a URL"],
  ["allow https://a..test/", "The host a..test must"],
  ["https://a.test:Allow", "must be a host without a scheme"],
  ["allow G:T a.test", "methods 0 must be a method"],
  ["allow a.test:99999", "ports 0"],
])("%j is refused for what is wrong with it", (text, why) => {
  expect(() => ruleEntries(text)).toThrow(why);
});

test("the two names of one option do not contradict each other", () => {
  const both = { default: "Deny", inspection: "Full", trafficInspection: "None" } as const;
  expect(() => simplePolicy(both)).toThrow("are the same");
});
