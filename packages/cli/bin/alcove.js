#!/usr/bin/env node
// The CLI in Node. Where `npm run bundle` has made one file of it, that is loaded with V8's compiled code, which was
// kept beside it: half the time of loading the modules. Else what tsc made.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, Script } from "node:vm";

const bundle = fileURLToPath(new URL("../dist/alcove.cjs", import.meta.url));
const codeCache = `${bundle}.cache`;

const { main } = existsSync(bundle) ? loadBundle() : await import("../dist/main.js");
process.exitCode = await main(process.argv.slice(2));

function loadBundle() {
  const cachedData = existsSync(codeCache) ? readFileSync(codeCache) : undefined;
  const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(bundle, "latin1")}\n})`;
  const script = new Script(source, {
    filename: bundle,
    ...(cachedData === undefined ? {} : { cachedData }),
    importModuleDynamically: constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  if (process.env.ALCOVE_KEEP_CODE === "1") {
    process.once("exit", () => writeFileSync(codeCache, script.createCachedData()));
  }
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(bundle), module, bundle, dirname(bundle));
  return module.exports;
}
