import type { CreateSandbox } from "@alcove/contract";
import { expect, test } from "vitest";
import { ToWorker } from "../../egress/messages.js";
import type { SecretUse } from "../../store/secret-uses.js";
import { askedUses, inheritedUses, mergedUses } from "./sandbox-secrets.js";

const named = (prefix: string, count: number): NonNullable<CreateSandbox["secrets"]> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`${prefix}${at}`, { secretId: "one" }]));

/** As they come out of the database. */
const kept = (uses: readonly SecretUse[]) =>
  uses.toSorted((one, other) => (one.placeholder < other.placeholder ? -1 : 1));

test.each([1, 4, 64])("however long a line of copies is, the gateway takes its placeholders: %i of each", (count) => {
  let uses = askedUses({ secrets: named("A", count) });
  const parents: (readonly SecretUse[])[] = [];
  for (let generation = 0; generation < 300; generation++) {
    parents.push(uses);
    uses = inheritedUses(kept(uses));
  }
  const placeholders = uses.map(({ placeholder: text, secretId: secret }) => ({ text, secret, hosts: [] }));
  const settings = { group: "default", policy: { defaultAction: "Deny" }, names: [], placeholders };
  const more = { resolverOverrides: {}, upstreamCertificates: "" };
  const message = { kind: "apply", request: 1, sandboxId: "one", settings: { ...settings, ...more } };
  expect(ToWorker.safeParse(message).error).toBeUndefined();
  const own = ({ age }: SecretUse) => age === 0;
  expect(uses.filter(own)).toHaveLength(count);
  // What its memory most likely holds is there.
  const texts = new Set(uses.map(({ placeholder }) => placeholder));
  expect(
    parents
      .at(-1)
      ?.filter(own)
      .every(({ placeholder }) => texts.has(placeholder)),
  ).toBe(true);
});

test("what a snapshot has and what is asked for are no more together than a sandbox may have", () => {
  const inherited = inheritedUses(askedUses({ secrets: named("A", 64) }));
  expect(mergedUses(inherited, askedUses({ secrets: named("A", 64) }))).toHaveLength(128);
  expect(() => mergedUses(inherited, askedUses({ secrets: named("B", 1) }))).toThrow("would have 65 secrets");
});
