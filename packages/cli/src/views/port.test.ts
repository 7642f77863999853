import type { SandboxPort } from "@alcove/contract";
import { expect, test } from "vitest";
import { portView } from "./port.js";

const whom = portView.columns.find(({ heading }) => heading === "FOR");

test.each<[SandboxPort["auth"], string]>([
  [{}, "keys and links"],
  [{ anonymous: true }, "everybody"],
  [{ oidc: { everyone: true } }, "keys, links and who signs in"],
  [{ oidc: { everyone: true, enabled: false } }, "keys and links"],
  [{ oidc: { emails: ["a@b"], emailSuffixes: ["@c", "d"], subjects: ["1", "2"] } }, "keys, links, a@b, @c, @d, 2 more"],
])("%j is for: %s", (auth, text) => {
  expect(whom?.value({ port: 1, auth, protocol: "Http", activationMode: "OnDemand" })).toBe(text);
});
