import type { EgressPolicy } from "@alcove/contract";
import { expect, test } from "vitest";
import { testedEgress } from "./egress-trial.js";

const policy: EgressPolicy = {
  defaultAction: "Deny",
  rules: [
    { name: "read", match: { host: "api.test", path: "/v1/**", methods: ["GET"] }, action: { type: "Allow" } },
    { name: "ssh", match: { host: "git.test", scheme: "tcp", ports: [22] }, action: { type: "Allow" } },
  ],
  hostRules: [{ pattern: "cdn.test", action: "Allow" }],
};

test.each([
  ["https://api.test/v1/x", "GET", { verdict: "Allow", rule: "read", opensTls: true }],
  ["https://API.test:443/v1/x?y#z", "GET", { verdict: "Allow", rule: "read" }],
  ["https://api.test/v1/%2e%2e/admin", "GET", { verdict: "Deny", rule: "default" }],
  ["https://api.test/v1/x", "POST", { verdict: "Deny", rule: "default" }],
  ["http://api.test/v1/x", "GET", { verdict: "Deny", opensTls: false }],
  ["https://cdn.test/", "GET", { verdict: "Allow", rule: "hostRules[0]", opensTls: false }],
  ["tcp://git.test:22", "GET", { verdict: "Allow", rule: "ssh", opensTls: false }],
  ["https://[::1]/", "GET", { verdict: "Deny" }],
])("%s %s is tested as it would be decided", (url, method, expected) => {
  expect(testedEgress(policy, { url, method })).toMatchObject(expected);
});

test("each rule that was looked at says why it is not the one, and the last one decides", () => {
  const { considered, reason } = testedEgress(policy, { url: "https://api.test/v2" });
  expect(considered.map(({ rule, matched }) => [rule, matched])).toEqual([
    ["read", false],
    ["ssh", false],
    ["hostRules[0]", false],
    ["default", true],
  ]);
  expect(considered[0]?.why).toContain("path");
  expect(reason).toMatch(/\.$|default/);
});

test("where a header's value comes from is told, and that an endpoint would be asked", () => {
  const secretRef = { secretId: "github", secretKey: "token", format: "Bearer {value}" };
  const headers = [{ operation: "Set" as const, name: "Authorization", valueRef: { secretRef } }];
  const rules: EgressPolicy["rules"] = [
    { name: "put", match: { host: "api.test" }, action: { type: "Transform", headers } },
    { name: "ask", match: { host: "*" }, hookRef: { endpoint: "https://ask.test/", authHeaders: headers } },
  ];
  const test = (url: string) => testedEgress({ defaultAction: "Deny", rules }, { url });
  expect(test("https://api.test/")).toMatchObject({
    ...{ verdict: "Allow", action: "Transform", opensTls: true },
    reason: expect.stringContaining("Authorization from the secret github/token"),
  });
  expect(test("https://other.test/")).toMatchObject({
    ...{ verdict: "Allow", action: "Hook", opensTls: true },
    reason: expect.stringContaining("its endpoint, which is asked for each request"),
  });
});

test("TLS is opened to where a value may be put in, and not to others", () => {
  const opens = (url: string, hosts: string[], more: Partial<EgressPolicy> = {}) =>
    testedEgress({ ...policy, ...more }, { url }, { placeholderHosts: hosts }).opensTls;
  expect(opens("https://cdn.test/", ["*.test"])).toBe(true);
  expect(opens("https://cdn.test/", ["other.test"])).toBe(false);
  expect(opens("http://cdn.test/", ["*.test"])).toBe(false);
  expect(opens("https://cdn.test/", ["*.test"], { rules: [], trafficInspection: "None" })).toBe(false);
});

test("a policy for audit denies in words alone, and what can hardly be meant is told", () => {
  const twice = [...(policy.rules ?? []), { ...(policy.rules?.[0] ?? fail()), name: "again" }];
  const tested = testedEgress({ ...policy, rules: twice, enforcementMode: "Audit" }, { url: "https://other.test/" });
  expect(tested).toMatchObject({ verdict: "Deny", isEnforced: false, warnings: [{ field: "rules[2]" }] });
});

test.each([
  "ftp://a.test/",
  "a.test",
  "https://",
  "https://u:p@a.test/",
  "tcp://a.test",
  "https://a.test:0/",
  "https://a b/",
])("%s is refused", (url) => {
  expect(() => testedEgress(policy, { url })).toThrow(
    expect.objectContaining({ code: "InvalidRequest", field: "url" }),
  );
});

function fail(): never {
  throw new Error("there is none");
}

test("it is told by which route it would leave", () => {
  const rules = [{ name: "by", match: { host: "by.test" }, action: { type: "Allow" }, route: "corp" }] as const;
  const routeOf = (url: string, enforcementMode: "Audit" | "Enforced", defaultRoute?: string) =>
    testedEgress({ defaultAction: "Deny", rules: [...rules], enforcementMode }, { url }, { defaultRoute }).route;
  expect(routeOf("https://by.test/", "Enforced", "usual")).toBe("corp");
  expect(routeOf("https://other.test/", "Audit", "usual")).toBe("usual");
  expect(routeOf("https://other.test/", "Audit")).toBeUndefined();
  expect(routeOf("https://other.test/", "Enforced", "usual")).toBeUndefined();
});
