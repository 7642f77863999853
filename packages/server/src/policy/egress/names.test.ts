import { EgressPolicy } from "@alcove/contract";
import { expect, test } from "vitest";
import { compileEgress } from "./compile.js";
import { mayAllowName, mustOpen } from "./names.js";
import { mayLeadTo, transportVerdict } from "./transport.js";

const compiled = (policy: object) => compileEgress(EgressPolicy.parse({ defaultAction: "Deny", ...policy }));
const rule = (match: object, type: "Allow" | "Deny" = "Allow") => ({ name: "r", match, action: { type } });
const changes = (match: object) => ({
  name: "r",
  match,
  action: { type: "Transform", headers: [{ operation: "Remove", name: "X-A" }] },
});

test.each([
  [{ rules: [rule({ host: "*.a.test", path: "/x", methods: ["GET"], ports: [8443] })] }, "b.a.test", true],
  [{ rules: [rule({ host: "*.a.test" })] }, "a.test.b", false],
  [{ rules: [rule({ host: "a.test" }, "Deny")], defaultAction: "Allow" }, "a.test", false],
  [{ rules: [rule({ host: "a.test", path: "/x" }, "Deny")], defaultAction: "Allow" }, "a.test", true],
  [{ rules: [rule({ host: "a.test", scheme: "http" }, "Deny")], defaultAction: "Allow" }, "a.test", true],
  [{ rules: [rule({ host: "a.test", ports: [80] }, "Deny")], defaultAction: "Allow" }, "a.test", true],
  [{ hostRules: [{ pattern: "a.test", action: "Deny" }], defaultAction: "Allow" }, "a.test", false],
  [{ hostRules: [{ pattern: "a.test", action: "Allow" }] }, "a.test", true],
  [{ rules: [changes({ host: "a.test" })] }, "a.test", true],
  [{}, "a.test", false],
  [{ enforcementMode: "Audit" }, "a.test", true],
  [{ defaultAction: "Allow" }, "A.test", false],
  [{ defaultAction: "Allow" }, "0x7f.1", false],
  [{ defaultAction: "Allow" }, "a..test", false],
])("with %j the name %s may be allowed: %s", (policy, name, mayBe) => {
  expect(mayAllowName(compiled(policy), name)).toBe(mayBe);
});

test.each([
  [{ rules: [rule({ host: "a.test" })] }, false],
  [{ rules: [rule({ host: "*.test", path: "/x" })] }, true],
  [{ rules: [rule({ host: "*.test", methods: ["GET"] })] }, true],
  [{ rules: [rule({ host: "a.test", path: "/x" }, "Deny")] }, true],
  [{ rules: [changes({ host: "a.test" })] }, true],
  [{ rules: [{ ...changes({ host: "a.test" }), action: { type: "Rewrite", path: "/x" } }] }, true],
  [{ rules: [rule({ host: "a.test", path: "/x", scheme: "http" })] }, false],
  [{ rules: [rule({ host: "a.test", path: "/x", ports: [8443] })] }, false],
  [{ rules: [rule({ host: "b.test", path: "/x" })] }, false],
  [{ rules: [rule({ host: "a.test" }), { ...rule({ host: "a.test", path: "/x" }), name: "later" }] }, false],
  [{ trafficInspection: "Full" }, true],
  [{ trafficInspection: "None", rules: [rule({ host: "a.test", path: "/x", scheme: "http" })] }, false],
  [{ trafficInspection: "Partial", defaultAction: "Allow" }, false],
  [{ trafficInspection: "Partial", defaultAction: "Allow", rules: [rule({ host: "a.test", path: "/x" })] }, true],
])("with %j TLS to a.test:443 is opened: %s", (policy, isOpened) => {
  expect(mustOpen(compiled(policy), "a.test", 443)).toBe(isOpened);
});

test("TLS to an address that a transport rule decides on is opened only by Full", () => {
  const transportRules = { rules: [{ action: "Allow", protocol: "Tcp", destination: "10.0.0.0/8" }] };
  const policy = { transportRules, rules: [rule({ host: "*", path: "/x" })] };
  expect(mustOpen(compiled(policy), "10.0.0.1", 443)).toBe(false);
  expect(mustOpen(compiled(policy), "11.0.0.1", 443)).toBe(true);
  expect(mustOpen(compiled({ ...policy, trafficInspection: "Full" }), "10.0.0.1", 443)).toBe(true);
});

test("the first transport rule for an address and port decides, and lifts the ban if it allows", () => {
  const policy = compiled({
    transportRules: {
      rules: [
        { action: "Deny", protocol: "Tcp", destination: "10.0.0.1/32", port: 22 },
        { action: "Allow", protocol: "Tcp", destination: "10.0.0.0/8", port: null },
        { action: "Allow", protocol: "Tcp", destination: "fd00::/8", port: 443 },
      ],
    },
  });
  expect(transportVerdict(policy, "10.0.0.1", 22)).toEqual({ action: "Deny", rule: "transportRules[0]" });
  expect(transportVerdict(policy, "11.0.0.1", 22)).toBeUndefined();
  expect(transportVerdict(policy, "a.test", 22)).toBeUndefined();
  const mayReach = (address: string, port: number) => mayLeadTo(policy, address, { port, isRefused: () => true });
  expect(mayReach("10.0.0.1", 22)).toBe(false);
  expect(mayReach("10.0.0.1", 23)).toBe(true);
  expect(mayReach("::ffff:10.0.0.2", 22)).toBe(true);
  expect(mayReach("fd12::1", 443)).toBe(true);
  expect(mayReach("fd12::1", 80)).toBe(false);
});

test("an address that a transport rule denies is none that a name may lead to, but in Audit mode", () => {
  const rules = [{ action: "Deny", protocol: "Tcp", destination: "93.184.0.0/16" }];
  const policy = { defaultAction: "Allow", transportRules: { rules } };
  const isRefused = (address: string) => address === "93.184.0.2";
  const mayReach = (address: string, more: object = {}) =>
    mayLeadTo(compiled({ ...policy, ...more }), address, { port: 443, isRefused });
  expect(["93.184.0.1", "93.185.0.1"].map((address) => mayReach(address))).toEqual([false, true]);
  const inAudit = ["93.184.0.1", "93.184.0.2"].map((address) => mayReach(address, { enforcementMode: "Audit" }));
  expect(inAudit).toEqual([true, false]);
});
