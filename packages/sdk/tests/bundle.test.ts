/** What bundlers make of the built package: for browsers without anything of Node's, and of it only what is used. */
import { isBuiltin } from "node:module";
import { build } from "esbuild";
import { expect, test } from "vitest";
import * as browserEntry from "../dist/browser.js";
import * as nodeEntry from "../dist/index.js";

const here = import.meta.dirname;

async function bundle(source: string, platform: "browser" | "node" = "browser") {
  const builtins: string[] = [];
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: here },
    ...{ bundle: true, write: false, metafile: true, minify: true, format: "esm", target: "es2022", platform },
    plugins: [
      {
        name: "builtins",
        setup: ({ onResolve }) =>
          onResolve({ filter: /.*/ }, ({ path, importer }) => {
            if (!isBuiltin(path)) return undefined;
            builtins.push(`${importer.replace(/^.*node_modules/, "")} imports ${path}`);
            return { path, external: true };
          }),
      },
    ],
  });
  const modules = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
  return { builtins, modules, bytes: outputFiles[0]?.contents.length ?? 0 };
}

test("for a browser nothing of Node's is reached; for Node it is, which shows that it would be seen", async () => {
  for (const entry of ["alcove", "alcove/browser"]) {
    const { builtins, modules } = await bundle(`import * as all from "${entry}"; console.log(all);`);
    expect(builtins).toEqual([]);
    expect(modules.filter((path) => /node_modules\/(?:ws|tar)\//.test(path))).toEqual([]);
    expect(modules.some((path) => path.endsWith("platform-browser.js"))).toBe(true);
  }
  const { builtins } = await bundle('import { Alcove } from "alcove"; console.log(Alcove);', "node");
  expect(builtins.some((line) => line.endsWith("imports node:http"))).toBe(true);
});

test("of what is not used nothing is left", async () => {
  const whole = await bundle('import * as all from "alcove"; console.log(all);');
  const small = await bundle('import { Paginated } from "alcove"; console.log(Paginated);');
  const client = await bundle('import { Alcove } from "alcove"; console.log(Alcove);');
  expect(whole.modules.some((path) => path.includes("/code/"))).toBe(true);
  expect(client.modules.filter((path) => path.includes("/code/"))).toEqual([]);
  const sdk = small.modules.filter((path) => path.includes("packages/sdk/dist/"));
  expect(sdk.map((path) => path.replace(/^.*\//, ""))).toEqual(["paginated.js"]);
  expect(client.bytes).toBeLessThan(whole.bytes);
  // `import { z }` anywhere in the contract would bring all of zod with its languages: 350 KB more.
  expect(whole.bytes).toBeLessThan(300_000);
});

test("a browser gets all but what is about daemons of the same machine", () => {
  const missing = Object.keys(nodeEntry).filter((name) => !(name in browserEntry));
  expect(missing.sort()).toEqual([
    "localSocketPath",
    "restoreLocalBackup",
    "runtimeDirectory",
    "startLocalDaemon",
    "stopLocalDaemon",
  ]);
  expect(Object.keys(browserEntry).filter((name) => !(name in nodeEntry))).toEqual([]);
});
