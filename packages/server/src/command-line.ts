/** What alcoved is asked for besides running: its arguments, and the answers that need no daemon. */
import { AlcoveError } from "@alcove/contract";
import { configSchema } from "./config-documents.js";
import { readConfig } from "./config-reading.js";
import { ownDirectory } from "./runtime-directory.js";
import { restoreBackup } from "./store/backup/restore.js";

const usage = `usage: alcoved [--check-config | --print-config-schema | --restore FILE [--force] | --version | --help]

  Without an option: runs the daemon, in the foreground, until SIGTERM. Sandboxes outlive it.

  --check-config          say what is wrong in the configuration, and exit
  --print-config-schema   print the JSON Schema of alcove.json, and exit
  --restore FILE          put a backup in the place of the database, while no daemon runs, and exit; --force replaces one that is there
  --version               print the version, and exit
  --help                  print this, and exit

alcove.json, variables and defaults: docs/configuration.md
`;

/** The text to print and leave with, or undefined when the daemon is to run. */
export async function answerOf(args: readonly string[], version: string): Promise<string | undefined> {
  const [option, ...others] = args;
  if (option === undefined) return undefined;
  if (option === "--restore") return restore(others);
  const answer = answers.get(option);
  if (answer === undefined) throw unknown(option);
  if (others[0] !== undefined) throw unknown(others[0]);
  return answer(version);
}

function unknown(argument: string): AlcoveError {
  return new AlcoveError("InvalidRequest", `alcoved does not know the argument ${argument}.`, {
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

async function restore([archivePath, force, ...others]: readonly string[]): Promise<string> {
  if (archivePath === undefined || archivePath.startsWith("--")) {
    throw new AlcoveError("InvalidRequest", "--restore needs the backup's file.", { hint: "alcoved --restore FILE" });
  }
  const stranger = force === "--force" ? others[0] : force;
  if (stranger !== undefined) throw unknown(stranger);
  const { dataDirectory } = readConfig().config;
  ownDirectory(dataDirectory);
  const { manifest, replaced } = await restoreBackup({ archivePath, dataDirectory, force: force !== undefined });
  const { createdAt, version, sandboxes } = manifest;
  const made = `made at ${createdAt} by Alcove ${version}, ${sandboxes} sandboxes on record`;
  const before = replaced === undefined ? "" : `The database that was there is ${replaced}.\n`;
  return `${dataDirectory} has the database of the backup ${made}.\n${before}`;
}
