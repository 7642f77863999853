import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EgressPolicy } from "@alcove/contract";
import { afterAll, expect, test } from "vitest";
import { firstPolicy, invalid, readPolicy, readPolicyFile } from "./policy-file.js";
import { appliedPolicy, policyOf } from "./policy-options.js";

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

test("Adobe's form is read, bare or where its configuration has it, and what is wrong is told by its line", async () => {
  const list = '[{"host": "a.test", "rules": [{"methods": ["GET"], "pathPattern": "/x/**"}]}]';
  const rules = [
    {
      name: "egress-1-1",
      match: { host: "a.test", ports: [443], scheme: "https", methods: ["GET"], path: "/x/**" },
      action: { type: "Allow" },
    },
  ];
  for (const text of [list, `network: {egress: ${list}}`, `policy: {network: {egress: ${list}}}`])
    expect(await readPolicy(written("adobe.yaml", text))).toEqual({ defaultAction: "Deny", rules });
  const wrong = written("wrong.yaml", "policy:\n  network:\n    egress:\n      - host: a.test\n        port: 0\n");
  await expect(readPolicy(wrong)).rejects.toThrow(`${wrong}:5: policy.network.egress[0].port `);
  const more = { policy: { network: { egress: [] }, filesystem: {} } };
  expect(await readPolicy(written("more.yaml", JSON.stringify(more)))).toEqual(more);
  await expect(readPolicy(written("none.yaml", "policy:\n  network:\n    egress: true\n"))).rejects.toThrow(
    ":3: policy.network.egress ",
  );
});

test("a field that there is not is told by its own line", async () => {
  const text =
    "defaultAction: Deny\nrules:\n  - name: a\n    match:\n      host: a.test\n      methds: [GET]\nhostRule: []\n";
  const path = written("unknown.yaml", text);
  const file = await readPolicyFile(path);
  const issues = EgressPolicy.safeParse(file.value).error?.issues ?? [];
  const told = invalid(path, file, issues).message.split("\n");
  expect(told).toContain(`${path}:6: There is no field rules[0].match.methds.`);
  expect(told).toContain(`${path}:7: There is no field hostRule.`);
});

test("each fault of a policy is told by the line of its field, or of what lacks it", async () => {
  const path = written(
    "lines.yaml",
    "defaultAction: Deny\nrules:\n  - name: a\n    match:\n      host: a..b\n  - match: {}\n",
  );
  const file = await readPolicyFile(path);
  const issues = EgressPolicy.safeParse(file.value).error?.issues ?? [];
  const told = invalid(path, file, issues).message.split("\n");
  expect(told).toContainEqual(expect.stringMatching(/:5: rules\[0\]\.match\.host /));
  expect(told).toContainEqual(expect.stringMatching(/:6: rules\[1\]\.name /));
  expect(told).toContainEqual(expect.stringMatching(/:6: rules\[1\]\.match\.host /));
  await expect(readPolicy(written("bad.yaml", "defaultAction: Deny\nrules: [\n"))).rejects.toThrow("at line 3");
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

test("what is applied is a file's policy or one of the group's: both, and neither, are refused by what is wrong", async () => {
  const file = written("applied.yaml", "defaultAction: Deny");
  expect(await appliedPolicy({ file })).toEqual({ defaultAction: "Deny" });
  expect(await appliedPolicy({ policy: "packages" })).toBe("packages");
  await expect(appliedPolicy({ file, policy: "packages" })).rejects.toThrow("--file and --policy exclude each other");
  await expect(appliedPolicy({})).rejects.toThrow("--file or --policy is missing");
});
