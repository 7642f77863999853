import type { Command } from "commander";

/** What to type, and what for. */
export type Example = readonly [type: string, what: string];

const examplesByCommand = new WeakMap<Command, readonly Example[]>();

/** Puts examples under a command's help. Each of them is run by tests/cli/examples.test.ts. */
export function examples(command: Command, lines: readonly Example[]): void {
  examplesByCommand.set(command, lines);
  const width = Math.max(...lines.map(([type]) => type.length));
  const shown = lines.map(([type, what]) => `  ${what === "" ? type : `${type.padEnd(width)}  # ${what}`}`);
  command.addHelpText("after", `\nExamples:\n${shown.join("\n")}`);
}

export function examplesOf(command: Command): readonly Example[] {
  return examplesByCommand.get(command) ?? [];
}
