import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { egressAuthorityFiles } from "./egress-authorities.js";
import { issuerKeyFiles } from "./issuer-keys.js";
import { temporaryDirectory } from "./test-record.js";
import { writeKeyFile } from "./write-key-file.js";

test("a key's file is on the disk with every directory above it, those of an earlier start that was killed too", () => {
  using home = temporaryDirectory();
  const directory = join(home.path, "identity", "keys");
  for (const name of ["first", "second"]) {
    const synced: string[] = [];
    const path = join(directory, name);
    writeKeyFile({ path, within: home.path, content: name }, (each) => synced.push(each));
    expect(synced).toEqual([directory, dirname(directory), home.path]);
    expect(readFileSync(path, "utf8")).toBe(name);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  }
  expect(statSync(directory).mode & 0o777).toBe(0o700);
});

test("all directories that it makes are synced into theirs, above what it was told too", () => {
  using home = temporaryDirectory();
  const synced: string[] = [];
  const directory = join(home.path, "a", "b", "c");
  writeKeyFile({ path: join(directory, "key"), within: dirname(directory), content: "x" }, (each) => synced.push(each));
  expect(synced).toEqual([directory, join(home.path, "a", "b"), join(home.path, "a"), home.path]);
});

test("a key's file is never replaced, and nothing unfinished is left", () => {
  using home = temporaryDirectory();
  const file = { path: join(home.path, "keys", "one"), within: home.path };
  writeKeyFile({ ...file, content: "first" });
  writeFileSync(join(home.path, "keys", ".alcove-key.new"), "of a killed daemon");
  expect(() => writeKeyFile({ ...file, content: "second" })).toThrow(/EEXIST/);
  expect(readFileSync(file.path, "utf8")).toBe("first");
  expect(readdirSync(join(home.path, "keys"))).toEqual(["one"]);
});

test("the authority that a group has stays, and issuers' keys are listed", () => {
  using home = temporaryDirectory();
  const authorities = egressAuthorityFiles(home.path);
  const [first, second] = ["first", "second"].map((key) => ({ certificate: "c", key }));
  if (first === undefined || second === undefined) throw new Error("not reached");
  expect(authorities.add("one", first)).toEqual(first);
  expect(authorities.add("one", second)).toEqual(first);
  const keys = issuerKeyFiles(home.path);
  keys.add({ id: "b", createdAt: 2, privateKey: "p" });
  keys.add({ id: "a", createdAt: 1, privateKey: "p" });
  expect(keys.list().map(({ id }) => id)).toEqual(["a", "b"]);
});
