import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { serve } from "../../server/src/http/serve-for-tests.js";

const packageDirectory = new URL("..", import.meta.url).pathname;
const pages = ["sandboxes", "execs", "files"].map((noun) => `../../docs/${noun}.md`);
const examples = await publicExamples();

test("there are examples", () => {
  expect(examples.length).toBeGreaterThanOrEqual(3);
});

test.each(examples)("the example $place runs", { timeout: 60_000 }, async ({ code }) => {
  await using served = await serve();
  // Inside the package, so that it finds `alcove` as a program of a user's does.
  const directory = await mkdtemp(join(packageDirectory, "tests", ".example-"));
  try {
    const file = join(directory, "example.mts");
    await writeFile(file, code);
    const { stdout } = await promisify(execFile)(process.execPath, ["--import", import.meta.resolve("tsx"), file], {
      env: { ...process.env, ALCOVE_SOCKET: served.socketPath },
      timeout: 50_000,
    });
    expect(stdout).not.toBe("");
  } finally {
    await rm(directory, { recursive: true });
  }
});

/** The TypeScript of the README and of docs, and every `@example` of a doc comment. */
async function publicExamples(): Promise<{ place: string; code: string }[]> {
  const sources = (await readdir(join(packageDirectory, "src"), { recursive: true }))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `src/${name}`);
  const found = await Promise.all(
    ["README.md", ...pages, ...sources].map(async (name) => {
      const text = (await readFile(join(packageDirectory, name), "utf8")).replace(/^ *\* ?/gm, "");
      const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)];
      return blocks.map(([, code = ""], index) => ({ place: `${name} ${index + 1}`, code }));
    }),
  );
  return found.flat();
}
