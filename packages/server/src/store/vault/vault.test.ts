import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../test-record.js";
import { MasterKey } from "./master-key.js";
import { createVault } from "./vault.js";

const place = ["group", "default", "github", "1", "token"];
const unreadable = expect.objectContaining({ code: "SecretsUnreadable" });

function vaultIn(directory: string, isNeeded = false) {
  return createVault(new MasterKey(join(directory, "secrets", "master.key"), () => isNeeded));
}

test("what was sealed is opened with the same key in its own place, and nowhere else", () => {
  using home = temporaryDirectory();
  const vault = vaultIn(home.path);
  const sealed = vault.seal(place, "v4lue ü");
  expect(sealed.toString("latin1")).not.toContain("v4lue");
  expect(vaultIn(home.path, true).open(place, sealed)).toBe("v4lue ü");
  expect(vault.seal(place, "v4lue ü").equals(sealed)).toBe(false);
  for (const [index, word] of ["sandbox", "other", "gitlab", "2", "token2"].entries())
    expect(() => vault.open(place.with(index, word), sealed)).toThrow(unreadable);
  // No two places are written alike.
  expect(() => vault.open(["group", "default", "github", "1token"], sealed)).toThrow(unreadable);
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(() => vault.open(place, changed), `byte ${at}`).toThrow(unreadable);
  }
  expect(() => vault.open(place, sealed.subarray(0, 20))).toThrow(unreadable);
});

test("the key is made when it is needed first, for the daemon's user alone", () => {
  using home = temporaryDirectory();
  const path = join(home.path, "secrets", "master.key");
  vaultIn(home.path).seal(place, "x");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(home.path, "secrets")).mode & 0o777).toBe(0o700);
  expect(readFileSync(path, "utf8")).toMatch(/^[0-9a-f]{64}\n$/);
});

test("a key that is missing, another one, damaged or open to others is said, and none takes its place", () => {
  using home = temporaryDirectory();
  const path = join(home.path, "secrets", "master.key");
  const sealed = vaultIn(home.path).seal(place, "x");
  const opened = () => vaultIn(home.path, true).open(place, sealed);
  chmodSync(path, 0o604);
  expect(opened).toThrow(/every user of the host/);
  chmodSync(path, 0o640);
  expect(opened()).toBe("x");
  writeFileSync(path, "0123");
  expect(opened).toThrow(/64 hexadecimal digits/);
  writeFileSync(path, "0".repeat(64));
  expect(opened).toThrow(/another key/);
  rmSync(path);
  expect(opened).toThrow(/is missing/);
  expect(() => statSync(path)).toThrow();
});
