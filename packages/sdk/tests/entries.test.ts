import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

/** What is about daemons and directories of the same machine. */
const onlyInNode = [
  "ImportDirectoryOptions",
  "localSocketPath",
  "restoreLocalBackup",
  "runtimeDirectory",
  "startLocalDaemon",
  "stopLocalDaemon",
];

test("a browser gets every name that Node gets, but for what needs this machine", async () => {
  const [node, browser] = await Promise.all(["index", "browser"].map(exportedBy));
  expect(node?.length).toBeGreaterThan(40);
  expect(browser).toEqual(node?.filter((name) => !onlyInNode.includes(name)));
});

async function exportedBy(entry: string): Promise<string[]> {
  const source = await readFile(new URL(`../src/${entry}.ts`, import.meta.url), "utf8");
  const lists = [...source.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].map(([, list = ""]) => list);
  const names = lists.flatMap((list) => list.split(",")).map((name) => name.replace(/^\s*type /, "").trim());
  return names.filter((name) => name !== "").sort();
}
