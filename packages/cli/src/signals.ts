/** Ctrl-C and its like. The first one aborts, so that what was begun is ended properly; a second one leaves at once. */
import { Exit, exitCodes } from "./exit-codes.js";
import type { Terminal } from "./terminal.js";

const signalNames = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

export type SignalListener = (name: NodeJS.Signals) => void;

export interface Signals extends Disposable {
  /** Aborts with the first signal that nobody has taken, and when nobody reads the results. */
  readonly signal: AbortSignal;
  /** Why results cannot be written: a full disk. */
  outputFailure(): Error | undefined;
  /** What a signal does that nobody has taken. */
  interrupt(): void;
  /** Until the answer is disposed of, signals go to the listener instead. */
  take(listener: SignalListener): Disposable;
}

export function openSignals(terminal: Terminal): Signals {
  const interruption = new AbortController();
  const interrupt = () => {
    if (interruption.signal.aborted) leave(terminal);
    interruption.abort(new Error("interrupted"));
  };
  let isOver = false;
  let outputFailure: Error | undefined;
  let listener: SignalListener = interrupt;
  const onSignal = (name: NodeJS.Signals) => listener(name);
  const onOutputError = (error: NodeJS.ErrnoException) => {
    const code = isReaderGone(error) ? exitCodes.brokenPipe : exitCodes.error;
    if (isOver) process.exit(code);
    if (code === exitCodes.brokenPipe) interruption.abort(new Exit(code));
    else outputFailure = error;
  };
  for (const name of signalNames) process.on(name, onSignal);
  process.stdout.on("error", onOutputError);
  return {
    signal: interruption.signal,
    interrupt,
    outputFailure: () => outputFailure,
    take(taker) {
      listener = taker;
      return {
        [Symbol.dispose]() {
          listener = interrupt;
        },
      };
    },
    [Symbol.dispose]() {
      for (const name of signalNames) process.off(name, onSignal);
      // Standard output's listener stays: what was printed last may find only now that nobody reads.
      isOver = true;
    },
  };
}

/** A pipe says EPIPE; a socket in its place, as some parents make one, may say ECONNRESET. */
export function isReaderGone(failure: unknown): boolean {
  const { code } = failure as NodeJS.ErrnoException;
  return code === "EPIPE" || code === "ECONNRESET";
}

/** Whatever has been begun stays as it is. */
export function leave(terminal: Terminal): never {
  terminal.endProgress();
  process.exit(exitCodes.interrupted);
}
