import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { parseTarget } from "../guest-target.js";

export function addCp(program: Command, cli: Cli): void {
  const command = program
    .command("cp")
    .summary("copy files and directories to and from sandboxes")
    .description(
      "Copy a file, or a directory with all in it, to or from a sandbox.\nA path in a sandbox is ID:/path; `-` is standard input or output (of a directory: a tar).",
    )
    .argument("<from>", "local path, ID:/path or -")
    .argument("<to>", "local path, ID:/path or -")
    .action((from: string, to: string) => copy(cli, from, to));
  examples(command, [
    ["alcove cp data.csv 3f2a:/root/", "a file in"],
    ["alcove cp 3f2a:/root/result.json .", "and out"],
    ["alcove cp ./project 3f2a:/srv/project", "a directory"],
    ["echo hello | alcove cp - 3f2a:/root/hello.txt", "what is piped"],
    ["alcove cp 3f2a:/etc/os-release -", "to the terminal"],
  ]);
}

async function copy(cli: Cli, fromText: string, toText: string): Promise<void> {
  const from = parseTarget(fromText);
  const to = parseTarget(toText);
  const { copyAcross, copyIn, copyOut } = await import("../transfer.js");
  if (from.kind === "sandbox" && to.kind === "sandbox") {
    const [source, target] = [await cli.sandbox(from.sandbox), await cli.sandbox(to.sandbox)];
    return copyAcross({ files: source.files, path: from.path }, { files: target.files, path: to.path }, cli.signal);
  }
  if (to.kind === "sandbox") {
    const { files } = await cli.sandbox(to.sandbox);
    return copyIn(files, from.kind === "local" ? from.path : "-", to.path, cli.signal);
  }
  if (from.kind === "sandbox") {
    const { files } = await cli.sandbox(from.sandbox);
    return copyOut(files, from.path, to.kind === "local" ? to.path : "-", cli.signal);
  }
  throw new UsageError("Neither side is in a sandbox.", "Write one of them as ID:/path.");
}
