/** `./dev VERB [ARGUMENT…]`, after the entry script has made sure of what it needs. */
import type { Verb } from "./verb.js";
import { assets } from "./verbs/assets.js";
import { bench } from "./verbs/bench.js";
import { build } from "./verbs/build.js";
import { check } from "./verbs/check.js";
import { doctor, down, up } from "./verbs/daemon.js";
import { demo } from "./verbs/demo.js";
import { fix } from "./verbs/fix.js";
import { soak } from "./verbs/soak.js";
import { test } from "./verbs/test.js";

const verbs: Readonly<Record<string, Verb>> = { demo, up, down, build, assets, check, test, fix, bench, soak, doctor };

async function main([name = "", ...args]: readonly string[]): Promise<number> {
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (verb === undefined) {
    process.stderr.write(`./dev has no verb ${name}; ./dev help lists them.\n`);
    return 2;
  }
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => interrupt.abort(new Error(`Interrupted by ${signal}.`)));
  }
  return verb(args, interrupt.signal);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
