/** What alcoved is asked for besides running: its arguments, and the answers that need no daemon. */
import { AlcoveError } from "@alcove/contract";
import { configSchema } from "./config-documents.js";
import { readConfig } from "./config-reading.js";

const usage = `usage: alcoved [--check-config | --print-config-schema | --version | --help]

  Without an option: runs the daemon, in the foreground, until SIGTERM. Sandboxes outlive it.

  --check-config          say what is wrong in the configuration, and exit
  --print-config-schema   print the JSON Schema of alcove.json, and exit
  --version               print the version, and exit
  --help                  print this, and exit

alcove.json, variables and defaults: docs/configuration.md
`;

/** The text to print and leave with, or undefined when the daemon is to run. */
export function answerOf(args: readonly string[], version: string): string | undefined {
  const [option, ...others] = args;
  if (option === undefined) return undefined;
  const answer = answers.get(option);
  const unknown = answer === undefined ? option : others[0];
  if (unknown === undefined && answer !== undefined) return answer(version);
  throw new AlcoveError("InvalidRequest", `alcoved does not know the argument ${unknown}.`, {
    hint: "`alcoved --help` lists what it takes.",
  });
}

const answers: ReadonlyMap<string, (version: string) => string> = new Map([
  ["--check-config", checkedConfig],
  ["--print-config-schema", () => `${JSON.stringify(configSchema(), undefined, 2)}\n`],
  ["--version", (version: string) => `alcoved ${version}\n`],
  ["--help", () => usage],
]);

function checkedConfig(): string {
  const { file, isFilePresent } = readConfig();
  return isFilePresent ? `The configuration is good: ${file}\n` : `The configuration is good; there is no ${file}\n`;
}
