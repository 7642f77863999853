import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { secretPairs } from "./secret-options.js";

test("the value of a secret is in a variable or in a file, and several are gathered", () => {
  const folder = mkdtempSync(join(tmpdir(), "alcove-s-"));
  vi.stubEnv("TOKEN_HERE", "a=b\n");
  try {
    writeFileSync(join(folder, "key"), "one\ntwo\r\n");
    const secrets = secretPairs(`KEY=@${join(folder, "key")}`, secretPairs("TOKEN_HERE"));
    expect(secrets).toEqual({ TOKEN_HERE: "a=b\n", KEY: "one\ntwo" });
  } finally {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  }
});

test.each([
  ["TOKEN=c4n4ry", "--secret-env takes NAME or NAME=@FILE."],
  ["c4n4ry-1", "--secret-env takes NAME or NAME=@FILE."],
  ["TOKEN=@", "--secret-env takes NAME or NAME=@FILE."],
  ["NO_SUCH_VARIABLE", "There is no variable NO_SUCH_VARIABLE in the environment."],
  ["KEY=@/no/such/file", "The file /no/such/file cannot be read"],
])("%s is refused, and a value is not said again", (text, sentence) => {
  expect(() => secretPairs(text)).toThrow(sentence);
  expect(() => secretPairs(text)).not.toThrow("c4n4ry");
});
