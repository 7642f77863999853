/** What guests refuse by themselves, against what the gateway decides. */
import { type EgressAction, type EgressRule, formatAddress } from "@alcove/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { addressRules } from "../../policy/egress/address-rules.js";
import { isRejected } from "../../policy/egress/address-rules-for-tests.js";
import { type CompiledEgress, compileEgress } from "../../policy/egress/compile.js";
import { decide } from "../../policy/egress/decide.js";
import { policies, questions } from "../../policy/egress/policies-for-tests.js";
import { mayLeadTo } from "../../policy/egress/transport.js";
import { isForbiddenAddress } from "./forbidden-addresses.js";

/** Near the edges of what policies and the list of forbidden ranges have, and anywhere. */
const addresses = fc.oneof(
  fc.constantFrom("10.0.0.1", "10.0.0.200", "10.9.0.1", "2001:db8::1", "2001:db8:1::1", "8.8.8.8", "2606:4700::1"),
  fc.constantFrom(
    "9.255.255.255",
    "11.0.0.0",
    "169.254.169.254",
    "64:ff9b::a00:1",
    "64:ff9b::808:808",
    "fe80::1",
    "::1",
  ),
  fc.tuple(fc.nat(0xffff_ffff)).map(([word]) => formatAddress([word])),
  fc.array(fc.nat(0xffff_ffff), { minLength: 4, maxLength: 4 }).map(formatAddress),
);
const ports = fc.constantFrom(22, 25, 80, 443, 8080);

/** Rules for all hosts or one address, of which the policies of other tests have few. */
const firstRules: fc.Arbitrary<EgressRule> = fc
  .record({
    host: fc.constantFrom("*", "10.0.0.1", "8.8.8.8", "2606:4700::1"),
    action: fc.constantFrom<EgressAction>(
      ...[{ type: "Allow" } as const, { type: "Deny" } as const],
      { type: "Rewrite", host: "a.b" },
      { type: "Transform", headers: [{ operation: "Remove", name: "X-A" }] },
    ),
    scheme: fc.constantFrom("any" as const, "https" as const, "tcp" as const),
    port: fc.option(ports, { nil: undefined }),
  })
  .map(({ host, action, scheme, port }) => ({
    name: "first",
    match: { host, scheme, ...(port !== undefined && { ports: [port] }) },
    action,
  }));

test("what is rejected is denied by the gateway, whatever the program says", () => {
  let [rejected, left] = [0, 0];
  const isDenied = (compiled: CompiledEgress, question: Parameters<typeof decide>[1]) => {
    const { action, isDenied: isByPolicy } = decide(compiled, question);
    if (isByPolicy) return true;
    // Elsewhere is not what this is about, so that it counts as reached.
    const mayGoElsewhere = action.type === "Rewrite" || action.type === "Hook";
    const { host, port } = question;
    return !mayGoElsewhere && !mayLeadTo(compiled, host, { port, isRefused: isForbiddenAddress });
  };
  fc.assert(
    fc.property(
      policies,
      fc.array(firstRules, { maxLength: 2 }),
      fc.array(fc.tuple(addresses, ports), { minLength: 10, maxLength: 10 }),
      fc.array(questions, { minLength: 10, maxLength: 10 }),
      (policy, first, targets, asked) => {
        const compiled = compileEgress({ ...policy, rules: [...first, ...(policy.rules ?? [])] });
        const rules = addressRules(compiled);
        for (const [host, port] of targets) {
          if (!isRejected(rules, host, port)) {
            left++;
            continue;
          }
          rejected++;
          const all = [...asked, ...(["http", "https", "tcp"] as const).map((scheme) => ({ scheme }))];
          for (const question of all) expect(isDenied(compiled, { ...question, host, port })).toBe(true);
        }
      },
    ),
    { numRuns: 300 },
  );
  expect(rejected).toBeGreaterThan(500);
  expect(left).toBeGreaterThan(500);
});
