/** The CLI from its words to its exit code. */
import { CommanderError } from "commander";
import { openCli } from "./cli.js";
import { Exit, exitCodes, UsageError } from "./exit-codes.js";
import { report } from "./failure.js";
import { createProgram } from "./program.js";
import { openTerminal } from "./terminal.js";

/** Runs the command and answers its exit code. The words are those after the program's name. */
export async function main(words: readonly string[]): Promise<number> {
  const terminal = openTerminal(process.stdout, process.stderr);
  using cli = openCli(terminal);
  try {
    await createProgram(cli).parseAsync([...words], { from: "user" });
    return exitCodes.ok;
  } catch (failure) {
    if (failure instanceof Exit) return failure.code;
    if (failure instanceof CommanderError) return failure.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (cli.signal.aborted) return exitCodes.interrupted;
    report(failure, terminal);
    return failure instanceof UsageError ? exitCodes.usage : exitCodes.error;
  } finally {
    terminal.endProgress();
  }
}
