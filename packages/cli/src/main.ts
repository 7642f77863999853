/** The CLI from its words to its exit code. */
import { type Command, CommanderError } from "commander";
import { openCli } from "./cli.js";
import { Exit, exitCodes, UsageError } from "./exit-codes.js";
import { createProgram } from "./program.js";
import { openTerminal } from "./terminal.js";

/** Runs the command and answers its exit code. The words are those after the program's name. */
export async function main(words: readonly string[]): Promise<number> {
  const terminal = openTerminal(process.stdout, process.stderr);
  using cli = openCli(terminal);
  const program = createProgram(cli);
  try {
    await program.parseAsync([...words], { from: "user" });
    await written();
    const lost = cli.outputFailure();
    if (lost !== undefined) throw lost;
    return interruptedCode(cli.signal) ?? exitCodes.ok;
  } catch (thrown) {
    const code = thrown instanceof Exit ? thrown.code : (interruptedCode(cli.signal) ?? printedCode(thrown));
    if (code !== undefined) return code;
    const failure = thrown instanceof CommanderError ? usageError(thrown, program, words) : thrown;
    cli.report(failure);
    return failure instanceof UsageError ? exitCodes.usage : exitCodes.error;
  } finally {
    terminal.endProgress();
  }
}

/** Fulfils when what was printed has been taken, or could not be. */
function written(): Promise<void> {
  return new Promise((resolve) => process.stdout.write("", () => setImmediate(resolve)));
}

/** Undefined while nothing has interrupted the command. */
function interruptedCode({ aborted, reason }: AbortSignal): number | undefined {
  if (!aborted) return undefined;
  return reason instanceof Exit ? reason.code : exitCodes.interrupted;
}

/** Help or a version was asked for, or a noun stood without a verb: its help has been printed. */
function printedCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof CommanderError)) return undefined;
  if (thrown.exitCode === 0) return exitCodes.ok;
  return thrown.code === "commander.help" ? exitCodes.usage : undefined;
}

function usageError(error: CommanderError, program: Command, words: readonly string[]): UsageError {
  const [sentence = "", ...suggestion] = error.message.replace(/^error: /, "").split("\n");
  const guess = suggestion.length === 0 ? "" : `${suggestion.join(" ").replace(/^\(|\)$/g, "")} `;
  return new UsageError(sentence, `${guess}\`${pathOf(program, words)} --help\` shows what it takes.`);
}

/** The command that the words begin with, options before the verb aside: `alcove image list`. */
function pathOf(command: Command, given: readonly string[]): string {
  const [word, ...words] = withoutOptions(command, given);
  const found = command.commands.find((child) => child.name() === word || child.aliases().includes(String(word)));
  return found === undefined ? command.name() : `${command.name()} ${pathOf(found, words)}`;
}

function withoutOptions(command: Command, [word, ...words]: readonly string[]): readonly string[] {
  if (word === undefined || !word.startsWith("-")) return word === undefined ? [] : [word, ...words];
  const option = command.options.find((known) => known.short === word || known.long === word);
  return withoutOptions(command, option?.required === true ? words.slice(1) : words);
}
