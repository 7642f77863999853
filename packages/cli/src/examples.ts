import type { Command } from "commander";

/** Puts examples under a command's help: what to type, and what for. */
export function examples(command: Command, lines: readonly (readonly [type: string, what: string])[]): void {
  const width = Math.max(...lines.map(([type]) => type.length));
  const shown = lines.map(([type, what]) => `  ${what === "" ? type : `${type.padEnd(width)}  # ${what}`}`);
  command.addHelpText("after", `\nExamples:\n${shown.join("\n")}`);
}
