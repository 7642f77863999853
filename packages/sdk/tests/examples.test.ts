import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { expect, test } from "vitest";
import { publicExamples } from "../../../tests/harness/public-examples.js";
import { serve } from "../../server/src/http/serve-for-tests.js";

const run = promisify(execFile);
const here = import.meta.dirname;
const examples = await publicExamples();
const ofKind = (kind: string) => examples.filter((example) => example.kind === kind);

/** Inside the package, so that it finds `alcove` as a program of a user's does. */
async function inPackage<Result>(work: (directory: string) => Promise<Result>): Promise<Result> {
  const directory = await mkdtemp(join(here, ".example-"));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("there are examples of every kind, and few that are not run", () => {
  expect(ofKind("fake").length).toBeGreaterThanOrEqual(7);
  expect(ofKind("real").length).toBeGreaterThanOrEqual(3);
  expect(ofKind("types").length).toBeLessThanOrEqual(4);
});

test("every example passes the compiler, strictly; one with a fault does not", { timeout: 60_000 }, async () => {
  const compile = (codes: readonly string[]) =>
    inPackage(async (directory) => {
      const strict = { strict: true, noEmit: true, target: "es2023", skipLibCheck: true, types: ["node"] };
      const compilerOptions = { ...strict, module: "nodenext", lib: ["es2023", "esnext.disposable"] };
      await writeFile(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.mts"] }));
      await Promise.all(codes.map((code, index) => writeFile(join(directory, `example-${index}.mts`), code)));
      const tsc = join(here, "../../../node_modules/.bin/tsc");
      return run(tsc, ["-p", directory]).then(
        () => "",
        (error: { readonly stdout: string }) => error.stdout,
      );
    });
  const codes = examples.map(({ code }) => code);
  expect(await compile(codes)).toBe("");
  expect(await compile([(codes[0] ?? "").replace("image:", "imagine:")])).toContain("imagine");
});

test.each(ofKind("fake"))("the example $place runs", { timeout: 60_000 }, async ({ code }) => {
  await using served = await serve();
  await inPackage(async (directory) => {
    const file = join(directory, "example.mjs");
    await writeFile(file, (await transform(code, { loader: "ts", target: "node20" })).code);
    const { stdout } = await run(process.execPath, [file], {
      env: { ...process.env, ALCOVE_SOCKET: served.socketPath },
      timeout: 50_000,
    });
    expect(stdout).not.toBe("");
  });
});
