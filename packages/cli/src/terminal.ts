/** Where words go: results to standard output; progress, warnings and errors to standard error. */
import { styleText } from "node:util";

export interface Terminal {
  /** A result, as it is. */
  print(text: string): void;
  /** A line for people, on standard error. */
  say(line: string): void;
  /** Says what goes on: replaces the line before on a terminal, else a line of its own whenever the words change. */
  progress(sentence: string): void;
  /** Clears the line of progress. */
  endProgress(): void;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  dim(text: string): string;
}

type Colour = "red" | "green" | "yellow" | "dim";

export function openTerminal(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): Terminal {
  const isInteractive = stderr.isTTY === true;
  const hasColours = isInteractive && process.env.NO_COLOR === undefined && process.env.TERM !== "dumb";
  const paint = (colour: Colour) => (text: string) => (hasColours ? styleText(colour, text) : text);
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
    progress(sentence) {
      if (sentence === lastProgress) return;
      clear();
      lastProgress = sentence;
      stderr.write(isInteractive ? sentence.slice(0, (stderr.columns ?? 80) - 1) : `${sentence}\n`);
    },
    endProgress() {
      clear();
      lastProgress = "";
    },
    red: paint("red"),
    green: paint("green"),
    yellow: paint("yellow"),
    dim: paint("dim"),
  };
}

/** What a sandbox wrote, made harmless for a terminal: no control characters but newline and tab. */
export function harmless(text: string): string {
  return [...text].filter((character) => character === "\n" || character === "\t" || isPrintable(character)).join("");
}

function isPrintable(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return code >= 32 && (code < 127 || code > 159);
}
