import { expect, test } from "vitest";
import { cliVersion } from "../version.js";
import { clockFinding, versionFinding } from "./client-findings.js";

const now = Date.parse("2026-01-02T00:00:00Z");
const ahead = (seconds: number) => new Date(now + seconds * 1_000).toUTCString();

test.each([
  [0, "ok", "the server's is the same"],
  [30, "warning", "the server's is 31 s ahead"],
  [-30, "warning", "the server's is 30 s behind"],
  [3_600, "error", "the server's is 3601 s ahead"],
])("a server %d s ahead is %s", (seconds, level, sentence) => {
  expect(clockFinding(ahead(seconds), now)).toMatchObject({ level, sentence });
});

test("a server that does not say its time is a warning", () => {
  expect(clockFinding(undefined, now).level).toBe("warning");
});

test("versions fit when their first two numbers are the same", () => {
  expect(versionFinding(cliVersion).level).toBe("ok");
  expect(versionFinding("99.0.0")).toMatchObject({ level: "warning", remedy: "npm install -g @alcove/cli@99.0.0" });
});
