/** `./dev VERB [ARGUMENT…]`, after the entry script has made sure of what it needs. */
import type { Verb } from "./verb.js";
import { assets } from "./verbs/assets.js";

const verbs: Readonly<Record<string, Verb>> = { assets };

async function main([name = "help", ...args]: readonly string[]): Promise<number> {
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (verb === undefined) {
    process.stderr.write(`./dev has no verb ${name}; ./dev help lists them.\n`);
    return 2;
  }
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => interrupt.abort(new Error(`Interrupted by ${signal}.`)));
  }
  return (await verb.run(args, interrupt.signal)) ?? 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
