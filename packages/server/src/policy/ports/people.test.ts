import { expect, test } from "vitest";
import { isListed } from "./people.js";

test.each([
  [{ emails: ["Ada@Example.com"] }, { subject: "1", email: "ada@example.COM" }, true],
  [{ emails: ["ada@example.com"] }, { subject: "1", email: "eve@example.com" }, false],
  [{ emails: ["ada@example.com"] }, { subject: "ada@example.com" }, false],
  [{ emailSuffixes: ["example.com"] }, { subject: "1", email: "eve@example.com" }, true],
  [{ emailSuffixes: ["@Example.com"] }, { subject: "1", email: "eve@example.com" }, true],
  [{ emailSuffixes: ["example.com"] }, { subject: "1", email: "eve@mail.example.com" }, false],
  [{ emailSuffixes: ["example.com"] }, { subject: "1", email: "eve@evil-example.com" }, false],
  [{ emailSuffixes: ["example.com"] }, { subject: "1", email: "example.com@evil.com" }, false],
  [{ emailSuffixes: ["example.com"] }, { subject: "eve@example.com" }, false],
  [{ subjects: ["Ab1"] }, { subject: "Ab1" }, true],
  [{ subjects: ["Ab1"] }, { subject: "ab1" }, false],
  [{ subjects: ["ada@example.com"] }, { subject: "1", email: "ada@example.com" }, false],
  [{ everyone: true }, { subject: "1" }, true],
  [{}, { subject: "1", email: "a@b" }, false],
])("%j has %j: %s", (list, person, expected) => {
  expect(isListed(list, person)).toBe(expected);
});
