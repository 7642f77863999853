import { expect, test } from "vitest";
import { judgeMemory } from "./memory-finding.js";

test.each([
  ["root", 0, "ok"],
  ["root", 2, "ok"],
  ["user", 1, "ok"],
  ["none", 0, "ok"],
  ["none", 1, "warning"],
  ["root", 3, "warning"],
] as const)("in namespaces of %s with ptrace_scope %i the finding is %s", (namespaces, scope, level) => {
  const finding = judgeMemory(namespaces, scope);
  expect(finding.level).toBe(level);
  expect(finding.remedy === undefined).toBe(level === "ok");
});
