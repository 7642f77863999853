/** Where words go: results to standard output; progress, warnings and errors to standard error. */
import { styleText } from "node:util";
import { printable } from "./printable.js";

export interface Terminal {
  /** A result, as it is. */
  print(text: string): void;
  /** A line for people, on standard error. */
  say(line: string): void;
  /** Says what goes on: replaces the line before on a terminal, else a line of its own whenever the words change. */
  progress(sentence: string): void;
  /** Clears the line of progress. */
  endProgress(): void;
  /** Colours of what is said; none where standard error is no terminal. */
  readonly paint: Paint;
  /** Colours of results; none where standard output is no terminal. */
  readonly paintResult: Paint;
}

type Colour = "red" | "green" | "yellow" | "dim";
export type Paint = Readonly<Record<Colour, (text: string) => string>>;

export function openTerminal(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): Terminal {
  const isInteractive = stderr.isTTY === true;
  let lastProgress = "";
  const clear = () => {
    if (isInteractive && lastProgress !== "") stderr.write("\r\u001b[2K");
  };
  return {
    print: (text) => void stdout.write(text.endsWith("\n") ? text : `${text}\n`),
    say(line) {
      clear();
      lastProgress = "";
      stderr.write(`${line}\n`);
    },
    progress(words) {
      const sentence = printable(words);
      if (sentence === lastProgress) return;
      clear();
      lastProgress = sentence;
      stderr.write(isInteractive ? sentence.slice(0, (stderr.columns ?? 80) - 1) : `${sentence}\n`);
    },
    endProgress() {
      clear();
      lastProgress = "";
    },
    paint: paintOn(stderr),
    paintResult: paintOn(stdout),
  };
}

/** By the convention of no-color.org: any value but the empty one counts. */
function paintOn(stream: NodeJS.WriteStream): Paint {
  const { NO_COLOR, TERM } = process.env;
  const hasColours = stream.isTTY === true && !NO_COLOR && TERM !== "dumb";
  const paint = (colour: Colour) => (text: string) =>
    hasColours ? styleText(colour, text, { validateStream: false }) : text;
  return { red: paint("red"), green: paint("green"), yellow: paint("yellow"), dim: paint("dim") };
}
