import type { Storage } from "@alcove/contract";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { addOutputOptions } from "../output/output.js";
import { table } from "../output/table.js";

export function addSystem(program: Command, cli: Cli): void {
  const system = program
    .command("system")
    .summary("look at what the server keeps")
    .description("What the server keeps on its host.");
  addDf(system, cli);
  examples(system, [["alcove system df", ""]]);
}

function addDf(system: Command, cli: Cli): void {
  const command = system
    .command("df")
    .summary("show what takes the host's disk")
    .description(
      "Show what the server keeps on the disk of its host, by kind, and how much is free. A file that several stand on counts once, and holes in files take nothing. For administrators.",
    );
  addOutputOptions(command, { quiet: false }).action(async () => {
    const storage = await (await cli.alcove()).storage({ signal: cli.signal });
    await cli.output.value(storage, () => storageText(storage));
  });
  examples(command, [
    ["alcove system df", ""],
    ["alcove system df -o json | jq .freeBytes", ""],
  ]);
}

function storageText({ kinds, freeBytes, totalBytes, freeMarkBytes }: Storage): string {
  const rows = kinds.map(({ kind, count, inUse, bytes }) => [kind, `${count}`, `${inUse ?? ""}`, mebibytes(bytes)]);
  const free = `${mebibytes(freeBytes)} of ${mebibytes(totalBytes)} are free; below ${mebibytes(freeMarkBytes)} nothing new is made.`;
  return `${table(["KIND", "COUNT", "IN USE", "SIZE"], rows)}\n${free}`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
