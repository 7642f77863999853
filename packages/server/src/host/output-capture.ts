/** The newest bytes of a program's output stream, within a bound, and its lines as they come. */
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

const defaultLimitBytes = 1024 * 1024;
/** A longer line is handed on in pieces. */
const longestLine = 64 * 1024;

export interface CaptureOptions {
  readonly captureLimitBytes?: number;
  readonly onLine?: (line: string, stream: "stdout" | "stderr") => void;
}

export class OutputCapture {
  readonly #limitBytes: number;
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #decoder = new StringDecoder("utf8");
  #chunks: Buffer[] = [];
  #keptBytes = 0;
  #partialLine = "";

  constructor(stream: Readable, options: CaptureOptions, name: "stdout" | "stderr") {
    this.#limitBytes = options.captureLimitBytes ?? defaultLimitBytes;
    const onLine = options.onLine;
    this.#onLine = onLine === undefined ? undefined : (line) => onLine(line, name);
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
    stream.once("end", () => this.#finish());
  }

  text(): string {
    const bytes = Buffer.concat(this.#chunks);
    return bytes.subarray(Math.max(0, bytes.length - this.#limitBytes)).toString("utf8");
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#keptBytes += chunk.length;
    while (this.#keptBytes - (this.#chunks[0]?.length ?? 0) >= this.#limitBytes) {
      this.#keptBytes -= this.#chunks.shift()?.length ?? 0;
    }
    if (this.#onLine !== undefined) this.#emitLines(this.#onLine, this.#decoder.write(chunk));
  }

  #emitLines(onLine: (line: string) => void, text: string): void {
    const lines = (this.#partialLine + text).split("\n");
    const partial = lines.pop() ?? "";
    for (const line of lines) onLine(line);
    const isTooLong = partial.length > longestLine;
    if (isTooLong) onLine(partial);
    this.#partialLine = isTooLong ? "" : partial;
  }

  #finish(): void {
    if (this.#partialLine !== "") this.#onLine?.(this.#partialLine);
    this.#partialLine = "";
  }
}
