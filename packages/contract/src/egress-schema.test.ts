import { expect, test } from "vitest";
import { EgressPolicy } from "./egress.js";
import { egressPolicySchema } from "./egress-schema.js";

test("docs/egress-policy.schema.json is the contract's own schema", async () => {
  const text = `${JSON.stringify(egressPolicySchema(), undefined, 2)}\n`;
  const file = new URL("../../../docs/egress-policy.schema.json", import.meta.url);
  await expect(text).toMatchFileSnapshot(file.pathname);
});

test("it knows every field, says what each is, and refuses others", () => {
  const { $defs } = egressPolicySchema() as { $defs: { EgressPolicy: Described } };
  expect(Object.keys($defs)).toEqual(
    expect.arrayContaining(["EgressPolicy", "EgressRule", "EgressAction", "HeaderChange"]),
  );
  const { properties, ...rest } = $defs.EgressPolicy;
  expect(Object.keys(properties)).toEqual(Object.keys(EgressPolicy.shape));
  expect(Object.values(properties).filter(({ description }) => description === undefined)).toEqual([]);
  expect(rest).toMatchObject({ required: ["defaultAction"], additionalProperties: false });
});

interface Described {
  readonly properties: Readonly<Record<string, { readonly description?: string }>>;
}
