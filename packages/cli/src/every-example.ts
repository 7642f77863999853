/** Every example under every command's help: tests/cli/examples.test.ts runs them. */
import { openCli } from "./cli.js";
import { examplesOf } from "./examples.js";
import { createProgram, nodesOf } from "./program.js";
import { openTerminal } from "./terminal.js";

export function everyExample(): string[] {
  using cli = openCli(openTerminal(process.stdout, process.stderr));
  const program = createProgram(cli);
  return [program, ...nodesOf(program)].flatMap((command) => examplesOf(command).map(([type]) => type));
}
