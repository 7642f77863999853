import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { refuseElsewhere } from "../connection.js";
import { examples } from "../examples.js";
import { writeNewFile } from "../new-file.js";

interface Options {
  readonly force?: true;
}

export function addServer(program: Command, cli: Cli): void {
  const server = program
    .command("server")
    .summary("back up and restore what the server has on record")
    .description("What belongs to the whole server.");
  addBackup(server, cli);
  addRestore(server, cli);
  examples(server, [
    ["alcove server backup alcove.tar", ""],
    ["alcove down && alcove server restore --force alcove.tar && alcove up", ""],
  ]);
}

function addBackup(server: Command, cli: Cli): void {
  const command = server
    .command("backup")
    .summary("write everything on record to a file")
    .description(
      "Write everything on record to a file that only you can read. It has the environment of sandboxes, and nothing of their disks or of images.",
    )
    .argument("<file>", "where to; - is standard output")
    .option("-f, --force", "replace a file that is there")
    .action((path: string, options: Options) => backUp(cli, path, options));
  examples(command, [
    ["alcove server backup alcove.tar", ""],
    ["alcove server backup - | gzip >alcove.tar.gz", ""],
  ]);
}

function addRestore(server: Command, cli: Cli): void {
  const command = server
    .command("restore")
    .summary("put a backup in the place of the database")
    .description(
      "Put a backup in the place of the database of this machine's daemon, which must not run. A backup that is damaged changes nothing.",
    )
    .argument("<file>", "a backup")
    .option("-f, --force", "replace a database that is there; it is put aside")
    .action((path: string, options: Options) => restore(cli, path, options));
  examples(command, [["alcove down && alcove server restore --force alcove.tar && alcove up", ""]]);
}

async function backUp(cli: Cli, path: string, { force }: Options): Promise<void> {
  const alcove = await cli.alcove();
  if (path === "-") {
    await pipeline(Readable.from(await alcove.backup({ signal: cli.signal })), process.stdout, { end: false });
    return;
  }
  const bytes = await writeNewFile({ path, force: force === true }, await alcove.backup({ signal: cli.signal }));
  cli.terminal.print(`${path}: ${(bytes / 2 ** 20).toFixed(1)} MiB`);
}

async function restore(cli: Cli, path: string, { force }: Options): Promise<void> {
  refuseElsewhere(cli.settings(), "server restore");
  const { restoreLocalBackup } = await import("alcove");
  cli.terminal.print(await restoreLocalBackup(path, { force: force === true }));
}
