/** `alcove snapshot export` and `import`: a snapshot as one file. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import type { Cli } from "./cli.js";
import { examples } from "./examples.js";
import { writeNewFile } from "./new-file.js";
import { pairs } from "./option-values.js";
import { addOutputOptions } from "./output/output.js";
import { findSnapshot } from "./snapshot-name.js";
import { snapshotView } from "./views/snapshot.js";

const chunkBytes = 1_048_576;
const mebibyte = 2 ** 20;
const tellEveryBytes = 16 * mebibyte;

export function addSnapshotExport(snapshot: Command, cli: Cli): void {
  const command = snapshot
    .command("export")
    .summary("write a snapshot to one file")
    .description(
      "Write a snapshot to one file that only you can read, to import elsewhere. It has the whole disk and memory of the sandbox, with all secrets that were in it.",
    )
    .argument("<snapshot>", "its id, the beginning of it, or its name")
    .argument("<file>", "where to; - is standard output")
    .option("-f, --force", "replace a file that is there")
    .action((text: string, path: string, { force }: { readonly force?: true }) =>
      exportTo(cli, text, { path, force: force === true }),
    );
  examples(command, [["alcove snapshot export clean clean.tar", ""]]);
}

export function addSnapshotImport(snapshot: Command, cli: Cli): void {
  const command = snapshot
    .command("import")
    .summary("make a snapshot of a file that was exported")
    .description("Make a new snapshot of a file that was exported, and print its id.")
    .argument("<file>", "the file; - is standard input")
    .option("--name <name>", "instead of the name in the file")
    .option("-l, --label <key=value>", "instead of the labels in the file; repeat for more", pairs);
  addOutputOptions(command).action((path: string, options: ImportOptions) => importFrom(cli, path, options));
  examples(command, [
    ["alcove snapshot export clean clean.tar && alcove snapshot import clean.tar --name again", ""],
    ["alcove snapshot export clean - | alcove snapshot import -", "from one server to another, with --context"],
  ]);
}

async function exportTo(cli: Cli, text: string, to: { readonly path: string; readonly force: boolean }): Promise<void> {
  const alcove = await cli.alcove();
  const { id } = await findSnapshot(alcove, text, cli.signal);
  const content = toldOf(cli, await alcove.snapshots.export(id, { signal: cli.signal }), undefined);
  if (to.path === "-") return pipeline(Readable.from(content), process.stdout, { end: false });
  const bytes = await writeNewFile(to, content);
  cli.terminal.print(`${to.path}: ${(bytes / mebibyte).toFixed(1)} MiB`);
}

interface ImportOptions {
  readonly name?: string;
  readonly label?: Record<string, string>;
}

async function importFrom(cli: Cli, path: string, { name, label: labels }: ImportOptions): Promise<void> {
  const alcove = await cli.alcove();
  const size = path === "-" ? undefined : (await stat(path)).size;
  const source = path === "-" ? process.stdin : createReadStream(path, { highWaterMark: chunkBytes });
  const taken = await alcove.snapshots.import(toldOf(cli, source, size), { name, labels, signal: cli.signal });
  if (cli.output.format === "table") return cli.terminal.print(taken.id);
  await cli.output.one(snapshotView, taken);
}

/** Passes them on, and says now and then how far it is. */
async function* toldOf(
  cli: Cli,
  chunks: AsyncIterable<Uint8Array>,
  size: number | undefined,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  let told = 0;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.byteLength;
      if (bytes - told >= tellEveryBytes) {
        told = bytes;
        cli.terminal.progress(progressOf(bytes, size));
      }
      yield chunk;
    }
  } finally {
    cli.terminal.endProgress();
  }
}

export function progressOf(bytes: number, size: number | undefined): string {
  const done = `${Math.floor(bytes / mebibyte)}`;
  if (size === undefined) return `${done} MiB`;
  return `${done} of ${Math.ceil(size / mebibyte)} MiB (${Math.floor((100 * bytes) / size)} %)`;
}
