import { expect, test } from "vitest";
import { decisionLine, policyText } from "./egress.js";

test("a rule is shown with the route by which what it allows leaves", () => {
  const rule = { name: "a", match: { host: "a.test" }, action: { type: "Allow" as const }, route: "corp" };
  expect(policyText({ defaultAction: "Deny", rules: [rule] })).toMatch(/a\.test by the route corp$/m);
});

test("what becomes of a request whose endpoint gives no answer is shown", () => {
  const asking = (failBehavior?: "Allow") => {
    const hookRef = { endpoint: "http://h.test/", ...(failBehavior && { failBehavior }) };
    return policyText({ defaultAction: "Deny", rules: [{ name: "a", match: { host: "a.test" }, hookRef }] });
  };
  expect(asking()).toMatch(/asks http:\/\/h\.test\/, without an answer Deny$/m);
  expect(asking("Allow")).toMatch(/without an answer Allow$/m);
});

test("a decision is shown with the route by which it left: a name, or that it left directly, or nothing where nothing left", () => {
  const decision = {
    ...{
      timestamp: "2026-01-01T00:00:00Z",
      protocol: "https" as const,
      host: "a.test",
      port: 443,
      verdict: "Allow" as const,
    },
    ...{ isEnforced: true, rule: "a", reason: "since it is so" },
  };
  expect(decisionLine({ ...decision, route: "corp", routeType: "Proxy" })).toContain("  a  corp  since");
  expect(decisionLine({ ...decision, routeType: "Direct" })).toContain("  a  direct  since");
  expect(decisionLine({ ...decision, verdict: "Deny" })).toContain("  a  -  since");
});
