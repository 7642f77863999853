/** This process's own terminal, given to a program far away, and taken back whatever happens. */
import type { TerminalSize } from "alcove";
import { UsageError } from "../exit-codes.js";
import { ScreenModes } from "./screen-modes.js";

export interface RawTerminal extends Disposable {
  size(): TerminalSize;
  /** Fulfils when there is room for more. */
  show(bytes: Uint8Array): Promise<void>;
  /** A line of ours, between what the program shows. */
  tell(line: string): void;
  onResize(listener: (size: TerminalSize) => void): void;
  /** What is typed. */
  readonly keys: AsyncIterable<Uint8Array>;
}

const fallback: TerminalSize = { rows: 24, columns: 80 };
const largest = 4_096;

/** Every key is the program's from now on, Ctrl-C too. */
export function takeTerminal(): RawTerminal {
  const { stdin, stdout } = process;
  requireTerminal();
  const modes = new ScreenModes();
  let listener: (() => void) | undefined;
  const giveBack = () => {
    if (!stdin.isRaw) return;
    stdin.setRawMode(false);
    stdout.write(modes.undoing());
  };
  stdin.setRawMode(true);
  // For an ending that nobody caught.
  process.once("exit", giveBack);
  return {
    size: sizeOf,
    show(bytes) {
      modes.see(bytes);
      return new Promise((resolve, reject) => stdout.write(bytes, (error) => (error ? reject(error) : resolve())));
    },
    tell: (line) => void stdout.write(`\r\n[${line}]\r\n`),
    onResize(told) {
      listener = () => told(sizeOf());
      stdout.on("resize", listener);
    },
    keys: keysOf(stdin),
    [Symbol.dispose]() {
      if (listener !== undefined) stdout.off("resize", listener);
      process.off("exit", giveBack);
      giveBack();
    },
  };
}

/** Asked before anything is begun in the sandbox. */
export function requireTerminal(): void {
  if (process.stdin.isTTY && process.stdout.isTTY) return;
  const name = process.stdin.isTTY ? "Standard output" : "Standard input";
  throw new UsageError(`${name} is no terminal.`, "`alcove exec -i SANDBOX -- sh` takes what is piped.");
}

function sizeOf(): TerminalSize {
  const within = (given: number, otherwise: number) => (given > 0 ? Math.min(given, largest) : otherwise);
  const { rows, columns } = process.stdout;
  return { rows: within(rows, fallback.rows), columns: within(columns, fallback.columns) };
}

/** Ends when the stream is destroyed, as a terminal's that was closed. */
async function* keysOf(stdin: NodeJS.ReadStream): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stdin) yield chunk as Buffer;
  } catch (error) {
    if (!stdin.destroyed) throw error;
  }
}
