import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { secretValues } from "./values.js";

const scratch = mkdtempSync(join(tmpdir(), "alcove-v-"));
afterAll(() => rmSync(scratch, { recursive: true }));
const written = (name: string, text: string) => {
  const path = join(scratch, name);
  writeFileSync(path, text);
  return path;
};

test("values are of the command line and of files, whose last line's end is none of theirs", () => {
  expect(secretValues(["user=ann", `token=@${written("token", "c4n4ry\n")}`])).toEqual({
    user: "ann",
    token: "c4n4ry",
  });
});

test.each([
  ["a key that is given twice", ["a=c4n4ry-1", "a=c4n4ry-2"], "The key a is given twice."],
  ["an empty value", ["a="], "The value of a is empty."],
  ["an empty file", [`a=@${written("empty", "\n")}`], "The value of a is empty: the file "],
  ["what is no key", ["a c4n4ry=b"], "A value is given as KEY=VALUE"],
])("%s is refused, and no value is said again", (_name, words, sentence) => {
  expect(() => secretValues(words)).toThrow(sentence);
  expect(() => secretValues(words)).not.toThrow("c4n4ry");
});
