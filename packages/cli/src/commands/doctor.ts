import type { Doctor } from "@alcove/contract";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { Exit, exitCodes } from "../exit-codes.js";
import { addOutputOptions } from "../output/output.js";
import { printable } from "../printable.js";
import type { Paint } from "../terminal.js";

export function addDoctor(program: Command, cli: Cli): void {
  const command = program
    .command("doctor")
    .summary("say what this host has and lacks")
    .description(
      "Look at KVM, QEMU, the guest's kernel, disk, cgroups and namespaces. Each line that is not ok has the command that mends it. Exits with 1 when no sandbox can run.",
    );
  addOutputOptions(command, { quiet: false }).action(() => doctor(cli));
  examples(command, [["alcove doctor", ""]]);
}

async function doctor(cli: Cli): Promise<void> {
  const { findings } = await (await cli.alcove()).doctor({ signal: cli.signal });
  await cli.output.value({ findings }, () => findings.map((found) => line(found, cli.terminal.paintResult)).join("\n"));
  if (findings.some(({ level }) => level === "error")) throw new Exit(exitCodes.error);
}

function line({ level, check, sentence, remedy }: Doctor["findings"][number], colours: Paint): string {
  const paint = { ok: colours.green, warning: colours.yellow, error: colours.red }[level];
  const mended = remedy === undefined ? "" : `\n${" ".repeat(9)}mend it: ${printable(remedy)}`;
  return `${paint(level.padEnd(7))}  ${printable(`${check}: ${sentence}`)}${mended}`;
}
