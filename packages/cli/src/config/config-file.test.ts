import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { configPath, readConfig } from "./config-file.js";
import { changeConfig } from "./config-writing.js";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "alcove-config-"));
  vi.stubEnv("XDG_CONFIG_HOME", home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

function write(text: string, mode = 0o600): void {
  mkdirSync(join(home, "alcove"), { recursive: true });
  writeFileSync(configPath(), text, { mode });
  chmodSync(configPath(), mode);
}

test("no file is no contexts", () => {
  expect(readConfig()).toMatchObject({ currentContext: undefined, contexts: {} });
});

test("what is written is read again; the file is ours alone, and its lock is gone", async () => {
  const change = { currentContext: "work", contexts: { work: { url: "https://work.example.com", apiKey: "k" } } };
  await changeConfig(() => change);
  expect(readConfig()).toMatchObject(change);
  expect(statSync(configPath()).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(home, "alcove"))).toEqual(["config.json"]);
});

test("changes at the same time are all kept", async () => {
  const names = ["a", "b", "c", "d", "e"];
  await Promise.all(
    names.map((name) =>
      changeConfig(({ currentContext, contexts }) => ({ currentContext, contexts: { ...contexts, [name]: {} } })),
    ),
  );
  expect(Object.keys(readConfig().contexts).sort()).toEqual(names);
});

test("a change that fails leaves the file and no lock", async () => {
  await changeConfig(() => ({ currentContext: "a", contexts: { a: {} } }));
  const before = readFileSync(configPath());
  await expect(
    changeConfig(() => {
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  expect(readFileSync(configPath())).toEqual(before);
  expect(readdirSync(join(home, "alcove"))).toEqual(["config.json"]);
});

test("a file that others can read is not trusted with a key, and says so", () => {
  write("{}", 0o644);
  expect(readConfig().distrust).toContain("mode 644");
  write("{}", 0o600);
  expect(readConfig().distrust).toBeUndefined();
});

test.each([
  ["{", /is no JSON: line 1/],
  ["[]", /the file is no object/],
  ['{"context": {}}', /the file has an unknown key, "context"/],
  ['{"contexts": {"a": {"key": "x"}}}', /the context "a" has an unknown key, "key"/],
  ['{"contexts": {"a": {"url": "ftp://x"}}}', /url .*must be http/],
  ['{"contexts": {"a": {"url": "https://me:secret@x"}}}', /must hold no name and password/],
  ['{"contexts": {"a": {"group": 1}}}', /group of the context "a" is no text/],
  ['{"currentContext": 1}', /currentContext is no text/],
])("%s is refused with its place", (text, sentence) => {
  write(text);
  expect(() => readConfig()).toThrow(sentence);
});

test("a refusal never shows the key", () => {
  write('{"contexts": {"a": {"apiKey": "sec ret"}}}');
  expect(() => readConfig()).toThrow(/^(?!.*sec ret).*apiKey/);
  write('{"contexts": {"a": {"apiKey": "secret" "x"}}}');
  expect(() => readConfig()).toThrow(/^(?!.*secret).*no JSON/);
});
