import { EgressPolicy } from "@alcove/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compileEgress } from "./compile.js";
import { decide } from "./decide.js";
import { policies, questions } from "./policies-for-tests.js";
import { egressWarnings } from "./warnings.js";

const rule = (name: string, match: object, type = "Allow") => ({ name, match, action: { type } });
const warnings = (policy: object) => egressWarnings(EgressPolicy.parse({ defaultAction: "Deny", ...policy }));
const fields = (...rules: object[]) => warnings({ rules }).map(({ code, field }) => `${code} ${field}`);

test("a rule that an earlier one leaves nothing is told of, with both names", () => {
  const rules = [rule("all", { host: "*.a.test" }), rule("api", { host: "api.a.test", methods: ["GET"] }, "Deny")];
  expect(
    warnings({
      rules: rules.map((each, at) => (at === 1 ? { ...each, match: { ...each.match, scheme: "https" } } : each)),
    }),
  ).toEqual([
    {
      code: "UnreachableRule",
      message: 'rule "api" can never decide: rule "all" comes before it and matches all that it does.',
      field: "rules[1]",
    },
  ]);
  // A denial without a scheme is for plain HTTP too.
  expect(warnings({ rules })).toEqual([]);
});

test.each([
  [{ host: "*" }, { host: "a.test" }, true],
  [{ host: "*" }, { host: "10.0.0.1" }, true],
  [{ host: "*.test" }, { host: "10.0.0.1" }, false],
  [{ host: "*.test" }, { host: "*" }, false],
  [{ host: "*.test" }, { host: "test" }, true],
  [{ host: "*.test" }, { host: "*.a.test" }, true],
  [{ host: "a.test" }, { host: "*.a.test" }, false],
  [{ host: "a.test" }, { host: "a.test" }, true],
  [{ host: "a.test", path: "/x/**" }, { host: "a.test", path: "/x/*" }, true],
  [{ host: "a.test", path: "/x/*" }, { host: "a.test", path: "/x/**" }, false],
  [{ host: "a.test", path: "/x" }, { host: "a.test" }, false],
  [{ host: "a.test", ports: [80, 443] }, { host: "a.test", ports: [443] }, true],
  [{ host: "a.test", ports: [443] }, { host: "a.test" }, false],
  [{ host: "a.test", methods: ["GET"] }, { host: "a.test", methods: ["GET", "PUT"] }, false],
  [{ host: "a.test", scheme: "any" }, { host: "a.test", scheme: "tcp" }, true],
  [{ host: "a.test" }, { host: "a.test", scheme: "http" }, false],
  [{ host: "a.test", path: "/x" }, { host: "a.test", path: "/x", normalizePath: false }, false],
])("%j before %j leaves it nothing: %s", (earlier, later, leavesNothing) => {
  expect(fields(rule("one", earlier), rule("two", later))).toEqual(leavesNothing ? ["UnreachableRule rules[1]"] : []);
});

test("hostRules and transport rules are looked at too", () => {
  const found = warnings({
    rules: [rule("all", { host: "*.a.test", scheme: "any" })],
    hostRules: [
      { pattern: "x.a.test", action: "Deny" },
      { pattern: "b.test", action: "Allow" },
    ],
    transportRules: {
      rules: [
        { action: "Deny", protocol: "Tcp", destination: "10.0.0.0/8" },
        { action: "Allow", protocol: "Tcp", destination: "10.1.0.0/16", port: 443 },
        { action: "Allow", protocol: "Tcp", destination: "0.0.0.0/0" },
      ],
    },
  });
  expect(found.map(({ field }) => field)).toEqual(["hostRules[0]", "transportRules.rules[1]"]);
});

test("paths that say less than they seem to are told of", () => {
  expect(fields(rule("query", { host: "a.test", path: "/search?q=*" }))).toEqual(["QueryInPath rules[0].match.path"]);
  expect(fields(rule("shallow", { host: "a.test", path: "/admin/*" }, "Deny"))).toEqual([
    "ShallowPath rules[0].match.path",
  ]);
  expect(fields(rule("deep", { host: "a.test", path: "/admin/**" }, "Deny"))).toEqual([]);
});

test("a denial of some requests is told to deny what may hide them, where that would be allowed else", () => {
  const denial = rule("no-delete", { host: "*", methods: ["DELETE"] }, "Deny");
  const codes = (policy: object) => warnings(policy).map(({ code, field }) => `${code} ${field}`);
  expect(codes({ defaultAction: "Allow", rules: [denial] })).toEqual(["UnseenDenied rules[0].match.scheme"]);
  expect(codes({ rules: [denial, rule("ssh", { host: "a.test", scheme: "tcp" })] })).toEqual([
    "UnseenDenied rules[0].match.scheme",
  ]);
  expect(codes({ rules: [rule("ssh", { host: "a.test", scheme: "tcp" }), denial] })).toEqual([]);
  expect(codes({ defaultAction: "Allow", trafficInspection: "Full", rules: [denial] })).toEqual([]);
  expect(
    codes({
      defaultAction: "Allow",
      rules: [rule("https", { host: "*", methods: ["DELETE"], scheme: "https" }, "Deny")],
    }),
  ).toEqual([]);
});

test("what is told to be unreachable decides on no request", () => {
  let unreachable = 0;
  fc.assert(
    fc.property(policies, fc.array(questions, { minLength: 20, maxLength: 20 }), (policy, asked) => {
      const compiled = compileEgress(policy);
      for (const { field } of egressWarnings(policy).filter(({ code }) => code === "UnreachableRule")) {
        unreachable++;
        const at = Number(/^rules\[(\d+)\]$/.exec(field)?.[1] ?? Number.NaN);
        const name = policy.rules?.[at]?.name ?? field.replace("transportRules.rules", "transportRules");
        const requests = asked.filter(({ method, scheme }) => scheme === "tcp" || method !== undefined);
        // In doubt, a denial that an allowance was to come before still counts.
        const verdicts = requests
          .map((question) => decide(compiled, question))
          .filter(({ reason }) => !reason.includes("may deny"));
        expect(verdicts.map(({ rule: decided }) => decided)).not.toContain(name);
      }
    }),
    { numRuns: 400 },
  );
  expect(unreachable).toBeGreaterThan(20);
});

test("a header that looks as if something were put in, and is sent as it stands, is told of with what to write", () => {
  const sending = (header: object) => {
    const headers = [{ operation: "Set", name: "Authorization", ...header }];
    return warnings({ rules: [{ name: "api", match: { host: "a.test" }, action: { type: "Transform", headers } }] });
  };
  const field = "rules[0].action.headers[0]";
  expect(sending({ value: `Bearer \${value}` })).toEqual([
    { code: "LiteralTemplate", message: expect.stringContaining('format: "Bearer {value}"'), field: `${field}.value` },
  ]);
  const from = (format: string) => sending({ valueRef: { secretRef: { secretId: "github", format } } });
  expect(from(`Bearer \${value}`)).toMatchObject([{ code: "LiteralTemplate", field: `${field}.valueRef` }]);
  expect([...from("Bearer {value}"), ...sending({ value: "costs 5$" })]).toEqual([]);
  const authHeaders = [{ operation: "Set", name: "X-Key", value: `\${KEY}` }];
  const hookRef = { endpoint: "https://h.test/", authHeaders };
  expect(warnings({ rules: [{ name: "ask", match: { host: "a.test" }, hookRef }] })).toMatchObject([
    { code: "LiteralTemplate", field: "rules[0].hookRef.authHeaders[0].value" },
  ]);
});

test("a policy of a thousand rules for one host is looked through quickly", () => {
  const rules = Array.from({ length: 1_000 }, (_, at) =>
    rule(`r${at}`, { host: "a.test", path: `/${"?*".repeat(200)}${at}x*` }),
  );
  const started = performance.now();
  warnings({ rules });
  expect(performance.now() - started).toBeLessThan(10_000);
});
