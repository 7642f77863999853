import type { Doctor } from "@alcove/contract";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { Exit, exitCodes } from "../exit-codes.js";
import { json, type OutputFormat, outputOption } from "../option-values.js";
import type { Terminal } from "../terminal.js";

export function addDoctor(program: Command, cli: Cli): void {
  const command = program
    .command("doctor")
    .summary("say what this host has and lacks")
    .description(
      "Look at KVM, QEMU, the guest's kernel, disk, cgroups and namespaces. Each line that is not ok has the command that mends it. Exits with 1 when no sandbox can run.",
    )
    .addOption(outputOption())
    .action(({ output }: { readonly output: OutputFormat }) => doctor(cli, output));
  examples(command, [["alcove doctor", ""]]);
}

async function doctor(cli: Cli, output: OutputFormat): Promise<void> {
  const { findings } = await (await cli.alcove()).doctor({ signal: cli.signal });
  cli.terminal.print(
    output === "json" ? json({ findings }) : findings.map((found) => line(found, cli.terminal)).join("\n"),
  );
  if (findings.some(({ level }) => level === "error")) throw new Exit(exitCodes.error);
}

function line({ level, check, sentence, remedy }: Doctor["findings"][number], terminal: Terminal): string {
  const paint = { ok: terminal.green, warning: terminal.yellow, error: terminal.red }[level];
  const mended = remedy === undefined ? "" : `\n${" ".repeat(9)}mend it: ${remedy}`;
  return `${paint(level.padEnd(7))}  ${check}: ${sentence}${mended}`;
}
