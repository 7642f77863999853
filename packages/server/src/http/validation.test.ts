import { EgressPolicy, GroupEgress, PutSecret } from "@alcove/contract";
import { expect, test } from "vitest";
import { validate } from "./validation.js";

const refusal = (policy: object) => {
  try {
    return validate(EgressPolicy, { defaultAction: "Deny", ...policy }, "body");
  } catch (error) {
    return error;
  }
};

test("what the contract knows to do next is the hint", () => {
  const rules = [{ action: "Allow", protocol: "Tcp", destination: "10.0.0.1/8" }];
  expect(refusal({ transportRules: { rules } })).toMatchObject({
    code: "InvalidRequest",
    field: "transportRules.rules[0].destination",
    value: '"10.0.0.1/8"',
    message: 'transportRules.rules[0].destination must be a range that begins at its first address; got "10.0.0.1/8".',
    hint: "The range of /8 that holds it is 10.0.0.0/8.",
  });
});

test("the value of a header is not said again", () => {
  const headers = [{ operation: "Set", name: "Authorization", value: "Bearer hidden\n" }];
  const refused = refusal({
    rules: [{ name: "a", match: { host: "a.test" }, action: { type: "Transform", headers } }],
  });
  expect(refused).toMatchObject({ code: "InvalidRequest", field: "rules[0].action.headers[0].value", value: "…" });
  expect(JSON.stringify(refused) + String(refused)).not.toContain("hidden");
});

test("a file that is given in the place of certificates is not said again: it may be a key", () => {
  const routes = { corp: { type: "Proxy", url: "http://proxy.test", certificates: "hidden" } };
  expect(() => validate(GroupEgress, { routes }, "body")).toThrow("routes.corp.certificates must be left out");
  expect(() => validate(GroupEgress, { routes }, "body")).not.toThrow("hidden");
});

test("what stands in a wrong place, such as a secret's value a level too high, is not said again", () => {
  for (const body of [{ values: { key: "x" }, token: "hidden" }, "hidden"]) {
    const refused = () => validate(PutSecret, body, "body");
    expect(refused).toThrow(expect.objectContaining({ code: "InvalidRequest", value: "…" }));
    expect(refused).not.toThrow("hidden");
  }
});
