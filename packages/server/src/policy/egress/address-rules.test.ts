import type { EgressPolicy } from "@alcove/contract";
import { expect, test } from "vitest";
import { addressRules, mostAddressRules } from "./address-rules.js";
import { isRejected } from "./address-rules-for-tests.js";
import { compileEgress } from "./compile.js";

const rulesOf = (policy: EgressPolicy) => addressRules(compileEgress(policy));
const transport = (action: "Allow" | "Deny", destination: string, port?: number) =>
  ({ action, protocol: "Tcp", destination, ...(port !== undefined && { port }) }) as const;

test("without a policy all is rejected but names, and ports where programs are told why", () => {
  const rules = rulesOf({ defaultAction: "Deny" });
  expect(rules.map(({ action, range }) => `${action} ${range}`)).toEqual([
    "Ask 198.18.0.0/15",
    "Ask fd41:6c63:6f76::/96",
    "Reject 0.0.0.0/0",
    "Reject ::/0",
  ]);
  for (const host of ["198.18.0.7", "fd41:6c63:6f76::7"]) expect(isRejected(rules, host, 22)).toBe(false);
  for (const host of ["8.8.8.8", "2606:4700::1", "fd41:6c63:6f77::7"]) {
    expect([22, 53, 80, 443].map((port) => isRejected(rules, host, port))).toEqual([true, false, false, false]);
  }
});

test("rules for names leave addresses rejected, a rule for all of them or for one does not", () => {
  const named = rulesOf({ defaultAction: "Deny", hostRules: [{ pattern: "*.test", action: "Allow" }] });
  expect(named).toEqual(rulesOf({ defaultAction: "Deny" }));
  const match = { host: "8.8.8.8", scheme: "any" as const, ports: [22] };
  const one = rulesOf({ defaultAction: "Deny", rules: [{ name: "one", match, action: { type: "Allow" } }] });
  expect([22, 23].map((port) => isRejected(one, "8.8.8.8", port))).toEqual([false, true]);
  const all = rulesOf({ defaultAction: "Deny", hostRules: [{ pattern: "*", action: "Allow" }] });
  expect(["8.8.8.8", "10.0.0.1"].map((host) => isRejected(all, host, 22))).toEqual([false, true]);
});

test("transport rules count in their order, before what is always forbidden", () => {
  const rules = [
    transport("Deny", "10.0.0.0/24"),
    transport("Allow", "10.0.0.0/8", 22),
    transport("Deny", "8.0.0.0/8"),
  ];
  const made = rulesOf({ defaultAction: "Allow", transportRules: { rules } });
  const seen = ["10.0.0.1", "10.1.0.1", "8.8.8.8", "9.9.9.9", "192.168.0.1"].map((host) => isRejected(made, host, 22));
  expect(seen).toEqual([true, false, true, false, true]);
  expect(isRejected(made, "10.1.0.1", 23)).toBe(true);
});

test("a rule that may send a request elsewhere, Audit, and too many rules leave all to the gateway", () => {
  const match = { host: "*", scheme: "http" } as const;
  const rewrite = { name: "r", match, action: { type: "Rewrite", host: "a.test" } } as const;
  expect(isRejected(rulesOf({ defaultAction: "Deny", rules: [rewrite] }), "10.0.0.1", 22)).toBe(false);
  expect(rulesOf({ defaultAction: "Deny", enforcementMode: "Audit" })).toEqual([]);
  const many = Array.from({ length: mostAddressRules }, (_, at) => transport("Allow", `8.8.${at}.0/24`));
  expect(rulesOf({ defaultAction: "Deny", transportRules: { rules: many } })).toEqual([]);
});
