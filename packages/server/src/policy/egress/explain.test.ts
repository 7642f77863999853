import { EgressPolicy } from "@alcove/contract";
import { expect, test } from "vitest";
import { compileEgress } from "./compile.js";
import { explain } from "./explain.js";

const policy = compileEgress(
  EgressPolicy.parse({
    defaultAction: "Deny",
    rules: [
      { name: "elsewhere", match: { host: "*.elsewhere.test" }, action: { type: "Allow" } },
      { name: "path", match: { host: "*.a.test", path: "/y/**" }, action: { type: "Allow" } },
      { name: "port", match: { host: "a.test", ports: [8443] }, action: { type: "Allow" } },
      { name: "method", match: { host: "a.test", methods: ["POST"] }, action: { type: "Deny" } },
      { name: "plain", match: { host: "a.test", scheme: "http" }, action: { type: "Allow" } },
      { name: "whole", match: { host: "a.test" }, action: { type: "Allow" } },
      { name: "after", match: { host: "a.test" }, action: { type: "Deny" } },
    ],
    transportRules: { rules: [{ action: "Allow", protocol: "Tcp", destination: "10.0.0.0/8" }] },
  }),
);

test("every rule says why it was not the one, up to the one that was", () => {
  const { verdict, considered } = explain(policy, {
    host: "a.test",
    port: 443,
    scheme: "https",
    method: "GET",
    path: "/x?y",
  });
  expect(verdict).toMatchObject({ rule: "whole", isDenied: false });
  expect(considered).toEqual([
    { rule: "elsewhere", matched: false, why: 'rule "elsewhere" is for *.elsewhere.test, not for a.test' },
    { rule: "path", matched: false, why: 'rule "path" matches the host but not the path /x' },
    { rule: "port", matched: false, why: 'rule "port" matches the host but not the port 443' },
    { rule: "method", matched: false, why: 'rule "method" matches the host but not the method GET' },
    { rule: "plain", matched: false, why: 'rule "plain" matches the host but not the scheme https: it is for http' },
    { rule: "whole", matched: true, why: 'rule "whole" allows it' },
  ]);
});

test("what cannot be known is said, and counts only where it denies", () => {
  const { considered } = explain(policy, { host: "a.test", port: 443, scheme: "https" });
  expect(considered.slice(1)).toEqual([
    {
      rule: "path",
      matched: false,
      why: 'rule "path" allows nothing here: the path is not known, since nobody looks into this connection',
    },
    { rule: "port", matched: false, why: 'rule "port" matches the host but not the port 443' },
    {
      rule: "method",
      matched: true,
      why: 'rule "method" may deny it: the method is not known, since nobody looks into this connection',
    },
  ]);
});

test("a path that servers read differently is said to be one", () => {
  const { considered } = explain(policy, {
    host: "a.test",
    port: 443,
    scheme: "https",
    method: "GET",
    path: "/x/../y/z",
  });
  expect(considered[1]?.why).toBe(
    'rule "path" allows nothing here: not every server reads the path "/x/../y/z" the same way',
  );
});

test("an address is explained by its transport rule alone", () => {
  expect(explain(policy, { host: "10.1.2.3", port: 22, scheme: "tcp" }).considered).toEqual([
    { rule: "transportRules[0]", matched: true, why: "transportRules[0] allows connections to 10.1.2.3:22" },
  ]);
});
