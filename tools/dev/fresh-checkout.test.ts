/** `./dev` starts in a fresh checkout, where the packages of this workspace are not compiled yet. */
import { join } from "node:path";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { checkout } from "./checkout.js";

test("the entry of ./dev imports nothing that has to be compiled first", async () => {
  expect(await importedAtStart("tools/dev/main.ts")).not.toContainEqual(compiled);
});

test("such an import would be seen, also an indirect one", async () => {
  expect(await importedAtStart("tools/dev/test-image.ts")).toContainEqual(compiled);
});

const compiled = expect.stringMatching(/^(?:alcove|@alcove\/.*)$/);

/** Names of the packages and built-in modules that a program imports before it does anything. */
async function importedAtStart(program: string): Promise<readonly string[]> {
  const { metafile } = await build({
    entryPoints: [join(checkout, program)],
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    packages: "external",
    outdir: "never-written",
    write: false,
    metafile: true,
  });
  const outputs = Object.entries(metafile.outputs);
  const entry = outputs.find(([, output]) => output.entryPoint?.endsWith(program))?.[0];
  return imports(entry ?? "");

  function imports(path: string): readonly string[] {
    const all = metafile.outputs[path]?.imports.filter((each) => each.kind === "import-statement") ?? [];
    return all.flatMap((each) => (each.external ? [each.path] : imports(each.path)));
  }
}
