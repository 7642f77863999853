import { expect, test } from "vitest";
import { PortAuth } from "./port-auth.js";

test.each([
  {},
  { anonymous: true },
  { oidc: { emails: ["ada@example.com"] } },
  { oidc: { emailSuffixes: ["example.com", "@example.org"], subjects: ["auth0|42"] } },
  { oidc: { everyone: true } },
  { anonymous: true, oidc: { enabled: false, subjects: ["a"] } },
])("%j says who may come", (auth) => {
  expect(PortAuth.safeParse(auth).success).toBe(true);
});

test.each([
  [{ oidc: {} }, "must name somebody"],
  [{ oidc: { emails: [], everyone: false } }, "must name somebody"],
  [{ oidc: { emails: ["ada@example.com"], everyone: true } }, "must not have lists"],
  [{ oidc: { subjects: Array(60).fill("a"), emails: Array(41).fill("a@b") } }, "at most 100 entries"],
  [{ oidc: { emails: ["ada"] } }, "must be an e-mail address"],
  [{ oidc: { emails: ["\u212aim@example.com"] } }, "must be an e-mail address"],
  [{ oidc: { emailSuffixes: ["a@example.com"] } }, "must be what follows the @"],
  [{ oidc: { subjects: ["a b"] } }, "must be 1 to 255 printable"],
  [{ oidc: { everyone: true, tenants: ["a"] } }, "tenants"],
  [{ anonymous: true, oidc: { everyone: true } }, "where everybody may come"],
])("%j is refused", (auth, message) => {
  expect(PortAuth.safeParse(auth).error?.message).toContain(message);
});
