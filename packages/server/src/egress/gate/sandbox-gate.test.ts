import type { ValueRef } from "@alcove/contract";
import { expect, test } from "vitest";
import { createLookup } from "../flow/lookup.js";
import { settingsOf } from "../gateway-test-kit.js";
import { SandboxGate } from "./sandbox-gate.js";
import { noTraffic } from "./traffic-count.js";

const to = "api.test";

function gate() {
  const asked: string[] = [];
  const made = new SandboxGate({
    lookup: createLookup(),
    sandboxId: "sandbox",
    traffic: noTraffic,
    record: async () => {},
    certificate: () => Promise.reject(new Error("none")),
    token: async (resource) => {
      asked.push(resource);
      if (resource === "urn:other") return { fault: "resource" };
      const issuedAt = Math.floor(Date.now() / 1_000);
      return { token: { value: "t0ken", issuedAt, expiresAt: issuedAt + 900, clientId: "client" } };
    },
    decided: () => {},
  });
  return { gate: made, asked };
}

async function sentValue(own: SandboxGate, ref: ValueRef, host: string): Promise<string> {
  return (await own.valuesFor([ref]))(ref, host);
}

test("a header's value is a token of the group, in the words of the rule, and asked for once", async () => {
  const { gate: own, asked } = gate();
  own.apply(settingsOf({ defaultAction: "Deny" }, { identity: { header: "guard" } }));
  const managedIdentityRef = { resource: "urn:vault" };
  expect(await sentValue(own, { managedIdentityRef }, to)).toBe("Bearer t0ken");
  expect(await sentValue(own, { managedIdentityRef: { ...managedIdentityRef, format: "key={value}" } }, to)).toBe(
    "key=t0ken",
  );
  expect(asked).toEqual(["urn:vault"]);
  await expect(sentValue(own, { managedIdentityRef: { resource: "urn:other" } }, to)).rejects.toThrow(
    "the group has no tokens for urn:other",
  );
});

test("where the group has no identity there is no token, and nobody is asked for one", async () => {
  const { gate: own, asked } = gate();
  own.apply(settingsOf({ defaultAction: "Deny" }));
  await expect(sentValue(own, { managedIdentityRef: { resource: "urn:vault" } }, to)).rejects.toThrow(
    "has no identity",
  );
  expect(asked).toEqual([]);
});

test("a secret that has hosts goes to those alone, from the moment on that they are set", async () => {
  const { gate: own } = gate();
  const names = { bound: { secretRef: { secretId: "bound" } }, free: { secretRef: { secretId: "free" } } };
  const secrets = { bound: "s3cret", free: "fr33" };
  const put = (secretHosts: Record<string, string[]>) =>
    own.apply(settingsOf({ defaultAction: "Deny" }, { secrets, secretHosts }));
  put({ bound: ["*.api.test", "127.0.0.1"] });
  expect(await sentValue(own, names.bound, "eu.api.test")).toBe("s3cret");
  expect(await sentValue(own, names.bound, "127.0.0.1")).toBe("s3cret");
  for (const other of ["xapi.test", "evil.test", "api.test.evil.test", "127.0.0.2"])
    await expect(sentValue(own, names.bound, other)).rejects.toThrow(
      `the secret bound goes to its own hosts alone, not to ${other}`,
    );
  expect(await sentValue(own, names.free, "evil.test")).toBe("fr33");
  put({ bound: ["api.test"], free: ["api.test"] });
  expect(await sentValue(own, names.bound, "api.test")).toBe("s3cret");
  await expect(sentValue(own, names.bound, "eu.api.test")).rejects.toThrow("its own hosts alone");
  await expect(sentValue(own, names.free, "evil.test")).rejects.toThrow("its own hosts alone");
  await expect(sentValue(own, { secretRef: { secretId: "toString" } }, "api.test")).rejects.toThrow("no value");
});

test("a secret that is another one by the time that a token is there goes as what it is then", async () => {
  const { gate: own } = gate();
  const [one, token] = [{ secretRef: { secretId: "one" } }, { managedIdentityRef: { resource: "urn:vault" } }];
  const put = (value: string) =>
    own.apply(settingsOf({ defaultAction: "Deny" }, { secrets: { one: value }, identity: { header: "guard" } }));
  put("before");
  const waiting = own.valuesFor([one, token]);
  put("now-and-on");
  const ready = await waiting;
  expect([ready(one, to), ready(token, to)]).toEqual(["now-and-on", "Bearer t0ken"]);
  expect(own.echoes()?.sentence("now-and-on")).toBe("**********");
  own.apply(settingsOf({ defaultAction: "Deny" }));
  expect(() => ready(token, to)).toThrow("has no identity");
});
