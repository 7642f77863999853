import fc from "fast-check";
import { expect, test } from "vitest";
import { compileEgress } from "./compile.js";
import { decide } from "./decide.js";
import { explain } from "./explain.js";
import { mayAllowName, mustOpen } from "./names.js";
import { hosts, names, plainVerdict, policies, ports, questions } from "./policies-for-tests.js";

/** Policies; each is asked about often, since making one takes longer than all its verdicts. */
const many = { numRuns: 700 };
const asked20 = fc.array(questions, { minLength: 20, maxLength: 20 });

test("a verdict is what a matcher says that looks at every rule in turn", () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(policies, asked20, (policy, asked) => {
      const compiled = compileEgress(policy);
      for (const question of asked) {
        const { isDenied, rule } = decide(compiled, question);
        const kind = `${rule.replace(/\d+/, "")} ${isDenied}`;
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        expect({ isDenied, rule }).toEqual(plainVerdict(policy, question));
      }
    }),
    many,
  );
  const kinds = ["default", "hostRules[]", "r", "transportRules[]"];
  expect([...seen.keys()].sort()).toEqual(kinds.flatMap((kind) => [`${kind} false`, `${kind} true`]));
  for (const count of seen.values()) expect(count).toBeGreaterThan(20);
});

test("an explanation ends with the verdict, and has considered every rule before it", () => {
  fc.assert(
    fc.property(policies, questions, (policy, asked) => {
      const compiled = compileEgress(policy);
      const { verdict, considered } = explain(compiled, asked);
      expect(verdict).toEqual(decide(compiled, asked));
      expect(considered.filter(({ matched }) => matched).map(({ rule }) => rule)).toEqual([verdict.rule]);
      expect(considered.at(-1)?.rule).toBe(verdict.rule);
      const isByAddress = verdict.rule.startsWith("transport");
      const order = isByAddress ? [] : [...compiled.rules.map(({ name }) => name), "default"];
      expect(considered.slice(0, -1).map(({ rule }) => rule)).toEqual(order.slice(0, considered.length - 1));
    }),
    many,
  );
});

test("nothing is allowed to a name that is not answered", () => {
  let unanswered = 0;
  fc.assert(
    fc.property(policies, names, asked20, (policy, host, asked) => {
      const compiled = compileEgress(policy);
      if (mayAllowName(compiled, host)) return;
      unanswered++;
      for (const question of asked) expect(decide(compiled, { ...question, host }).isDenied).toBe(true);
    }),
    many,
  );
  expect(unanswered).toBeGreaterThan(50);
});

test("TLS that need not be opened has the verdict of each of its requests", () => {
  let closed = 0;
  fc.assert(
    fc.property(policies, hosts, ports, asked20, (policy, host, port, asked) => {
      const compiled = compileEgress(policy);
      if (mustOpen(compiled, host, port)) return;
      closed++;
      const whole = decide(compiled, { host, port, scheme: "https" });
      for (const { method, path } of asked) {
        expect(decide(compiled, { host, port, scheme: "https", method, path })).toEqual(whole);
      }
    }),
    many,
  );
  expect(closed).toBeGreaterThan(50);
});

test("what is allowed unseen is allowed by a rule that no request of it would have met a denial before", () => {
  let allowed = 0;
  fc.assert(
    fc.property(policies, hosts, ports, asked20, (policy, host, port, asked) => {
      const compiled = compileEgress(policy);
      const unseen = decide(compiled, { host, port, scheme: "https" });
      if (unseen.isDenied) return;
      allowed++;
      for (const { method, path } of asked) {
        expect(decide(compiled, { host, port, scheme: "https", method, path }).isDenied).toBe(false);
      }
    }),
    many,
  );
  expect(allowed).toBeGreaterThan(50);
});

test("in Audit mode every name is answered", () => {
  fc.assert(
    fc.property(policies, names, (policy, name) => {
      expect(mayAllowName(compileEgress({ ...policy, enforcementMode: "Audit" }), name)).toBe(true);
    }),
  );
});
