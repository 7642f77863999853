import { expect, test } from "vitest";
import { manifestSchema, SandboxManifest } from "./manifest.js";

test("docs/sandbox.schema.json is the contract's own schema", async () => {
  const file = new URL("../../../docs/sandbox.schema.json", import.meta.url);
  await expect(`${JSON.stringify(manifestSchema(), undefined, 2)}\n`).toMatchFileSnapshot(file.pathname);
});

test.each([
  [{}, "name"],
  [{ name: "a b" }, "name"],
  [{ name: "a", labels: { name: "b" } }, "labels.name"],
  [{ name: "a", egressPolicy: { defaultAction: "Deny" }, egressPolicyId: "packages" }, ""],
  [{ name: "a", cpu: 1 }, ""],
])("%j is refused", (value, field) => {
  expect(SandboxManifest.safeParse(value).error?.issues.map(({ path }) => path.join("."))).toEqual([field]);
});
