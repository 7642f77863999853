import { expect, test } from "vitest";
import { groupSecretsOf } from "./group-secrets.js";

test("references name a variable, a secret and its key", () => {
  expect(groupSecretsOf({ groupSecret: ["A=github/token"], groupSecretValue: ["B=other"] })).toEqual({
    A: { secretId: "github", secretKey: "token" },
    B: { secretId: "other", delivery: "Value" },
  });
  expect(groupSecretsOf({})).toBeUndefined();
});

test("a variable that is given twice is refused", () => {
  expect(() => groupSecretsOf({ groupSecret: ["A=one", "A=two"] })).toThrow("The variable A is given twice.");
  expect(() => groupSecretsOf({ groupSecret: ["A=one"], groupSecretValue: ["A=one"] })).toThrow(
    "The variable A is given twice.",
  );
});

test.each(["TOKEN", "TOKEN=", "=github", "1A=github", "A=github/token/more"])(
  "%s is refused, with an example",
  (text) => {
    expect(() => groupSecretsOf({ groupSecret: [text] })).toThrow("--group-secret takes ENV=SECRET or ENV=SECRET/KEY.");
  },
);
