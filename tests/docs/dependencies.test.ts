import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "DEPENDENCIES.md"), "utf8");

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

/** First cells of the table under a heading. */
function listed(heading: string): string[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(heading)) ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| Package"));
  return rows.map((line) => line.split("|")[1]?.trim() ?? "").sort();
}

const manifest = (path: string) => JSON.parse(readFileSync(join(root, path), "utf8")) as Manifest;
const packages = readdirSync(join(root, "packages")).map((name) => manifest(`packages/${name}/package.json`));
const isOurs = (name: string) => name === "alcove" || name.startsWith("@alcove/");

function goModules(path: string): string[] {
  const required = readFileSync(join(root, path), "utf8").matchAll(
    /^(?:require|\t)\s*\(?([a-z][\w.-]+\.[a-z]+\/\S+) v/gm,
  );
  return [...required].map(([, name = ""]) => name);
}

test("DEPENDENCIES.md lists what the packages and the agent depend on, and nothing else", () => {
  const npm = packages.flatMap((found) => Object.keys(found.dependencies ?? {})).filter((name) => !isOurs(name));
  const go = goModules("agent/go.mod");
  expect(npm.length).toBeGreaterThan(5);
  expect(go.length).toBeGreaterThan(2);
  expect(listed("In what runs")).toEqual([...new Set([...npm, ...go])].sort());
});

test("DEPENDENCIES.md lists what we work with, and nothing else", () => {
  const development = [manifest("package.json"), ...packages].flatMap((found) =>
    Object.keys(found.devDependencies ?? {}),
  );
  expect(listed("In what we work with")).toEqual([...new Set(development)].sort());
});
