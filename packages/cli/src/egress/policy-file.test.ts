import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EgressPolicy } from "@alcove/contract";
import { afterAll, expect, test } from "vitest";
import { firstPolicy, readPolicy } from "./policy-file.js";
import { policyOf } from "./policy-options.js";

const scratch = mkdtempSync(join(tmpdir(), "alcove-policy-"));
afterAll(() => rmSync(scratch, { recursive: true }));
const written = (name: string, text: string) => {
  const path = join(scratch, name);
  writeFileSync(path, text);
  return path;
};

test("the policy to begin with is a good one, and denies what it does not name", async () => {
  const policy = await readPolicy(written("first.yaml", firstPolicy));
  expect(EgressPolicy.parse(policy)).toEqual(policy);
  expect(policy).toMatchObject({ defaultAction: "Deny", trafficInspection: "Full" });
});

test("JSON is read as well, and what is no policy is refused by its file", async () => {
  expect(await readPolicy(written("a.json", '{"defaultAction": "Deny"}'))).toEqual({ defaultAction: "Deny" });
  for (const text of ["", "Deny", "[1]", "a: [1", "a: 1\na: 2"])
    await expect(readPolicy(written("bad.yaml", text))).rejects.toThrow(join(scratch, "bad.yaml"));
  await expect(readPolicy(join(scratch, "none.yaml"))).rejects.toThrow("ENOENT");
});

test("hosts make a policy that denies the rest; two ways at once are refused", async () => {
  expect(await policyOf({ allowHost: ["a.test"] })).toEqual({
    defaultAction: "Deny",
    hostRules: [{ pattern: "a.test", action: "Allow" }],
  });
  expect(await policyOf({ egressPolicyId: "web" })).toBe("web");
  expect(await policyOf({})).toBeUndefined();
  await expect(policyOf({ allowHost: ["a.test"], egressPolicyId: "web" })).rejects.toThrow("exclude each other");
});
