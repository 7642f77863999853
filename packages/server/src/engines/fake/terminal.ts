/** What a kernel does between a terminal and its programs: lines are edited, echoed, and given to whoever reads; some keys are signals. */
import type { TerminalSize } from "@alcove/contract";
import type { FakeExec } from "./execs.js";

const keys = { interrupt: 3, endOfFile: 4, lineFeed: 10, carriageReturn: 13, erase: 127 };

export class FakeTerminal {
  size: TerminalSize;
  readonly #exec: FakeExec;
  #line: number[] = [];

  constructor(size: TerminalSize, exec: FakeExec) {
    this.size = size;
    this.#exec = exec;
  }

  /** False when nobody reads any more. */
  async type(chunk: Uint8Array, signal: AbortSignal): Promise<boolean> {
    for (const key of chunk) if (!(await this.#press(key, signal))) return false;
    return true;
  }

  async #press(key: number, signal: AbortSignal): Promise<boolean> {
    const { stdin } = this.#exec;
    if (key === keys.interrupt) {
      await this.#echo("^C");
      this.#exec.kill("INT");
    } else if (key === keys.endOfFile) {
      if (this.#line.length > 0) return await stdin.write(this.#take(), signal);
      stdin.end();
    } else if (key === keys.erase) {
      if (this.#line.pop() !== undefined) await this.#echo("\b \b");
    } else {
      this.#line.push(key === keys.carriageReturn ? keys.lineFeed : key);
      await this.#exec.show("stdout", Uint8Array.of(this.#line.at(-1) ?? 0));
      if (this.#line.at(-1) === keys.lineFeed) return await stdin.write(this.#take(), signal);
    }
    return true;
  }

  #echo(text: string): Promise<void> {
    return this.#exec.show("stdout", Buffer.from(text));
  }

  #take(): Uint8Array {
    const line = Uint8Array.from(this.#line);
    this.#line = [];
    return line;
  }
}

/** Line feeds as a terminal wants them. */
export function shown(bytes: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(bytes).toString("latin1").replaceAll("\n", "\r\n"), "latin1");
}
