/**
 * Every decision that the gateway tells of as a line of JSON in a file that is put aside when it is large: decisions.jsonl, decisions.jsonl.1 and so on, the
 * oldest deleted. Nobody waits for it: what the disk cannot take in time is counted, and the count is a line of its own.
 */
import { appendFile, mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { EgressDecision } from "@alcove/contract";
import type { Logger } from "pino";

export interface DecisionFileOptions {
  readonly directory: string;
  /** The file is put aside when it has so many. */
  readonly fileBytes: number;
  /** With the one that is written to. */
  readonly files: number;
  readonly logger: Logger;
}

export interface DecidedIn {
  readonly group: string;
  readonly sandboxId: string;
}

const mostPendingBytes = 8 * 1_048_576;
const name = "decisions.jsonl";

export class DecisionFile {
  readonly #options: DecisionFileOptions;
  #pending: string[] = [];
  #pendingBytes = 0;
  #lost = 0;
  #sizeBytes: number | undefined;
  #isTroubled = false;
  #writing: Promise<void> | undefined;

  constructor(options: DecisionFileOptions) {
    this.#options = options;
  }

  write(where: DecidedIn, decision: EgressDecision): void {
    this.#take({ ...where, ...decision }, 1);
  }

  /** So many of a sandbox's, which were too many at once, are in no line of their own. */
  writeOmitted(where: DecidedIn, omitted: number): void {
    this.#take({ timestamp: new Date().toISOString(), ...where, omitted }, omitted);
  }

  /** Ends when all that was taken is written, or given up. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #take(entry: object, decisions: number): void {
    const line = `${JSON.stringify(entry)}\n`;
    if (this.#pendingBytes + line.length > mostPendingBytes) {
      this.#lost += decisions;
      return;
    }
    this.#pending.push(line);
    this.#pendingBytes += line.length;
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = undefined;
    });
  }

  async #drain(): Promise<void> {
    while (this.#pending.length > 0) {
      const lines = this.#pending;
      this.#pending = [];
      this.#pendingBytes = 0;
      try {
        const lost = this.#lost;
        await this.#append(lines.join("") + lostLine(lost));
        this.#lost -= lost;
        this.#isTroubled = false;
      } catch (error) {
        this.#lost += lines.length;
        if (!this.#isTroubled)
          this.#options.logger.error({ err: error }, "Decisions about egress cannot be written down");
        this.#isTroubled = true;
        this.#sizeBytes = undefined;
      }
    }
  }

  async #append(text: string): Promise<void> {
    const { directory, fileBytes } = this.#options;
    const path = join(directory, name);
    if (this.#sizeBytes === undefined) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      this.#sizeBytes = await sizeOf(path);
    }
    const bytes = Buffer.byteLength(text);
    if (this.#sizeBytes > 0 && this.#sizeBytes + bytes > fileBytes) await this.#putAside(path);
    await appendFile(path, text, { mode: 0o600 });
    this.#sizeBytes += bytes;
  }

  async #putAside(path: string): Promise<void> {
    const { files } = this.#options;
    const nameOf = (age: number) => (age === 0 ? path : `${path}.${age}`);
    await rm(nameOf(files - 1), { force: true });
    for (let age = files - 2; age >= 0; age--) await rename(nameOf(age), nameOf(age + 1)).catch(unlessMissing);
    this.#sizeBytes = 0;
  }
}

function lostLine(lost: number): string {
  return lost === 0 ? "" : `${JSON.stringify({ timestamp: new Date().toISOString(), lost })}\n`;
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    (error: unknown) => {
      unlessMissing(error);
      return 0;
    },
  );
}

function unlessMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
