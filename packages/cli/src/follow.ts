/** A program in a sandbox with our standard streams as its own, to its exit code. */
import { pipeline } from "node:stream/promises";
import type { ExecHandle, Interruption, SpawnOptions } from "alcove";
import type { Cli } from "./cli.js";
import { Exit, exitCodes } from "./exit-codes.js";
import { isReaderGone, leave } from "./signals.js";

/** For a program that is followed: with `--verbose` a line when its sandbox slept. */
export function interruptionOptions(cli: Cli): Pick<SpawnOptions, "onInterruption"> {
  if (!cli.isVerbose) return {};
  const line = ({ stoppedAt, resumedAt }: Interruption) => `the sandbox stood still from ${stoppedAt} to ${resumedAt}`;
  return { onInterruption: (interruption) => cli.terminal.say(cli.terminal.paint.dim(line(interruption))) };
}

/** Takes the signals of this process for the program; ends it when this side cannot go on. */
export async function follow(cli: Cli, handle: ExecHandle, timeoutMs?: number): Promise<number> {
  let interrupts = 0;
  using _signals = cli.takeSignals((name) => {
    if (name === "SIGINT" && ++interrupts > 2) leave(cli.terminal);
    const signal = interrupts > 1 ? "KILL" : name.slice(3);
    handle.kill(signal).catch((failure: Error) => cli.terminal.say(`warning: ${failure.message}`));
  });
  try {
    await Promise.all([
      pipeline(handle.stdout, process.stdout, { end: false }),
      pipeline(handle.stderr, process.stderr, { end: false }),
    ]);
  } catch (failure) {
    await handle.kill("KILL").catch(() => undefined);
    if (isReaderGone(failure)) throw new Exit(exitCodes.brokenPipe);
    throw failure;
  }
  const end = await handle.wait();
  if (end.lostBytes > 0) cli.terminal.say(`warning: ${end.lostBytes} bytes of output are lost`);
  if (!end.timedOut) return end.exitCode;
  cli.terminal.say(
    `${cli.terminal.paint.red("error:")} the program was ended after ${timeoutMs ?? Math.round(end.durationMs)} ms`,
  );
  cli.terminal.say(`${cli.terminal.paint.dim("hint:")} give it more time with --timeout`);
  return exitCodes.timedOut;
}
