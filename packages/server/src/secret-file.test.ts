import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readMetricsToken, readSecretFile } from "./secret-file.js";
import { temporaryDirectory } from "./store/test-record.js";

test("a secret is the only line of its file; what is none is told with the key and the path, and never itself", () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "secret");
  const read = () => readSecretFile({ key: "clientSecretFile", path, shortest: 1 });
  expect(read).toThrow(/^clientSecretFile cannot be read: .*secret/);
  writeFileSync(path, "precious~1\n");
  expect(read()).toBe("precious~1");
  for (const content of ["", "\n", "precious one\n", "precious\nagain\n"]) {
    writeFileSync(path, content);
    expect(read).toThrow(`clientSecretFile ${path} has no secret in it.`);
  }
  writeFileSync(path, "x".repeat(15));
  expect(() => readMetricsToken(path)).toThrow("metricsTokenFile");
});
