/** What of a directory becomes a Dockerfile's context. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { list } from "tar";
import { expect, test } from "vitest";
import { packContext } from "../src/local-directory.js";

const files = ["Dockerfile", "app.js", "node_modules/a/index.js", "logs/one.log", "logs/keep.log", "deep/secret.env"];

async function packed(ignored: string, dockerfile = "Dockerfile"): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), "alcove-context-"));
  try {
    for (const file of files) {
      await mkdir(dirname(join(directory, file)), { recursive: true });
      await writeFile(join(directory, file), file);
    }
    if (ignored !== "") await writeFile(join(directory, ".dockerignore"), ignored);
    const found: string[] = [];
    const parser = list({
      onReadEntry(entry) {
        expect([entry.uid, entry.gid]).toEqual([0, 0]);
        if (entry.type === "File") found.push(entry.path.replace(/^\.\//, ""));
      },
    });
    for await (const chunk of packContext(directory, dockerfile)) parser.write(Buffer.from(chunk));
    parser.end();
    return found.sort();
  } finally {
    await rm(directory, { recursive: true });
  }
}

test.each([
  ["nothing", "", [...files]],
  [
    "a directory, and a pattern at any depth",
    "node_modules\n**/*.env\n",
    [".dockerignore", "Dockerfile", "app.js", "logs/keep.log", "logs/one.log"],
  ],
  ["all but what is taken back", "*\n!logs/keep.log\n", [".dockerignore", "Dockerfile", "logs/keep.log"]],
  [
    "the Dockerfile, which is needed all the same",
    "Dockerfile\nnode_modules\nlogs\ndeep\n",
    [".dockerignore", "Dockerfile", "app.js"],
  ],
])("a .dockerignore leaves out %s", async (_name, ignored, expected) => {
  expect(await packed(ignored)).toEqual(expected.sort());
});

test("a Dockerfile in a directory that is left out comes all the same, alone", async () => {
  expect(await packed("deep\nnode_modules\nlogs", "deep/secret.env")).toEqual([
    ".dockerignore",
    "Dockerfile",
    "app.js",
    "deep/secret.env",
  ]);
  expect(await packed("logs\nnode_modules\ndeep", "logs/keep.log")).toEqual([
    ".dockerignore",
    "Dockerfile",
    "app.js",
    "logs/keep.log",
  ]);
});
