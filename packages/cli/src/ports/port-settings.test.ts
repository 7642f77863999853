import { AddPort } from "@alcove/contract";
import { expect, test } from "vitest";
import { keepingRestOf, settingsOf } from "./port-settings.js";

test("what is not given is not said", () => expect(settingsOf({})).toEqual({}));

test("a protocol is named as the server has it", () => {
  expect(settingsOf({ protocol: "tcp", anonymous: true })).toEqual({ protocol: "Tcp", auth: { anonymous: true } });
});

test("what is denied is looked at before what is allowed, and then nothing else may come", () => {
  const settings = settingsOf({
    allow: ["10.0.0.0/8"],
    deny: ["10.9.0.0/16"],
    activation: "manual",
    corsOrigin: ["*"],
  });
  expect(settings).toEqual({
    activationMode: "Manual",
    ipAccessControl: {
      defaultAction: "Deny",
      rules: [
        { name: "deny-1", action: "Deny", priority: 0, sourceCidrs: ["10.9.0.0/16"] },
        { name: "allow-1", action: "Allow", priority: 1, sourceCidrs: ["10.0.0.0/8"] },
      ],
    },
    cors: { allowOrigins: ["*"] },
  });
});

test("many ranges are rules of ten, as the server takes them; a denial alone leaves the rest", () => {
  const deny = Array.from({ length: 25 }, (_, at) => `192.0.2.${at}/32`);
  const { ipAccessControl } = settingsOf({ deny });
  expect(ipAccessControl).toMatchObject({ defaultAction: "Allow" });
  expect(ipAccessControl?.rules?.map(({ sourceCidrs }) => sourceCidrs.length)).toEqual([10, 10, 5]);
  expect(AddPort.safeParse({ port: 80, ...settingsOf({ deny }) }).success).toBe(true);
});

test("people who sign in are named by address, suffix and subject, or are all of them", () => {
  const named = settingsOf({ email: ["ada@example.com"], emailSuffix: ["example.org"], subject: ["42"] });
  const oidc = { emails: ["ada@example.com"], emailSuffixes: ["example.org"], subjects: ["42"] };
  expect(named).toEqual({ auth: { oidc } });
  expect(settingsOf({ signedIn: true })).toEqual({ auth: { oidc: { everyone: true } } });
  for (const settings of [named, settingsOf({ signedIn: true })])
    expect(AddPort.safeParse({ port: 1, ...settings }).success).toBe(true);
  expect(AddPort.safeParse({ port: 1, ...settingsOf({ anonymous: true, signedIn: true }) }).success).toBe(false);
});

const office = settingsOf({ allow: ["10.0.0.0/8"], deny: ["10.9.0.0/16"] });
const rulesOf = (...sources: readonly ["Allow" | "Deny", ...string[]][]) =>
  sources.map(([action, ...sourceCidrs], priority) => expect.objectContaining({ action, sourceCidrs, priority }));

test("a denial leaves closed what was closed, and what is allowed leaves denied what was denied", () => {
  expect(keepingRestOf(office, settingsOf({ deny: ["10.1.0.0/16"] })).ipAccessControl).toEqual({
    ...{ defaultAction: "Deny", rules: rulesOf(["Deny", "10.1.0.0/16"], ["Allow", "10.0.0.0/8"]) },
  });
  expect(keepingRestOf(office, settingsOf({ allow: ["192.0.2.0/24"] })).ipAccessControl).toEqual({
    ...{ defaultAction: "Deny", rules: rulesOf(["Deny", "10.9.0.0/16"], ["Allow", "192.0.2.0/24"]) },
  });
  const closed = { ipAccessControl: { defaultAction: "Deny" as const } };
  expect(keepingRestOf(closed, settingsOf({ deny: ["10.1.0.0/16"] })).ipAccessControl?.defaultAction).toBe("Deny");
});

test("rules that were made otherwise stay as they are, in their order, behind what is denied", () => {
  const rule = (name: string, priority: number) => ({
    name,
    action: "Allow" as const,
    priority,
    sourceCidrs: ["::/0"],
  });
  const present = { ipAccessControl: { defaultAction: "Allow" as const, rules: [rule("b", 700), rule("a", 20)] } };
  expect(keepingRestOf(present, settingsOf({ deny: ["10.1.0.0/16"] })).ipAccessControl).toEqual({
    defaultAction: "Allow",
    rules: [{ name: "deny-1", action: "Deny", priority: 0, sourceCidrs: ["10.1.0.0/16"] }, rule("a", 1), rule("b", 2)],
  });
});

test("other origins leave what those may do; without a change of them nothing is said", () => {
  const cors = { allowOrigins: ["https://a.test"], allowMethods: ["PUT"], allowCredentials: true };
  expect(keepingRestOf({ cors }, settingsOf({ corsOrigin: ["https://b.test"] }))).toEqual({
    cors: { ...cors, allowOrigins: ["https://b.test"] },
  });
  expect(keepingRestOf({ cors, ...office }, settingsOf({ anonymous: true }))).toEqual({ auth: { anonymous: true } });
});
