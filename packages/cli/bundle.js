// Makes dist/alcove.cjs (the CLI as one file) and dist/alcove.cjs.cache (its code as this Node's V8 compiles it). Run by
// `npm run bundle`, after tsc. `node bundle.js DIRECTORY` makes both in another directory, for a test.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const here = import.meta.dirname;
const [, , place = here] = process.argv;
const target = join(place, "dist/alcove.cjs");
const starter = join(place, "bin/alcove.js");
if (place !== here) {
  mkdirSync(join(place, "bin"), { recursive: true });
  copyFileSync(join(here, "bin/alcove.js"), starter);
}

await build({
  entryPoints: [join(here, "dist/main.js")],
  outfile: target,
  bundle: true,
  platform: "node",
  target: "node20.19",
  // Code that V8 takes from its cache cannot import: what is not in the bundle is required.
  supported: { "dynamic-import": false },
  format: "cjs",
  minifyWhitespace: true,
  minifySyntax: true,
  charset: "ascii",
  // What a module would find beside itself it finds through its own place in node_modules, also from the bundle.
  define: { "import.meta.url": "__url", "import.meta.dirname": "__dirname", "import.meta.resolve": "__resolve" },
  banner: {
    js: [
      'const { pathToFileURL: __asUrl } = require("node:url");',
      "const __url = __asUrl(__filename).href;",
      "const __resolve = (name) => __asUrl(require.resolve(name)).href;",
    ].join(""),
  },
  // ws has faster code of its own where these are installed; they are not.
  external: ["bufferutil", "utf-8-validate"],
  logLevel: "warning",
});

rmSync(`${target}.cache`, { force: true });
// A command that loads everything and asks a daemon only if one runs.
run("node", [starter, "version"], { ALCOVE_KEEP_CODE: "1" });

function run(program, args, environment) {
  const { status, error } = spawnSync(program, args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...environment },
  });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed`, { cause: error });
}
