/** The file in which an interpreter leaves a snippet's result. It comes out of a sandbox: parsed, bounded, and believed in nothing else. */
import { AlcoveError } from "@alcove/contract";
import type { ByteStream } from "../byte-stream.js";
import { ConnectionError } from "../errors.js";
import type { SandboxFiles } from "../files.js";

export interface CodeError {
  /** The exception's class; ProcessExit, ProcessEnded or TimedOut where there was none. */
  readonly name: string;
  readonly message: string;
  /** As the language prints it; empty where there is none. */
  readonly traceback: string;
}

export interface SnippetResult {
  readonly kind: "none" | "json" | "text";
  readonly value: unknown;
  readonly isCut: boolean;
  readonly exitCode: number;
  readonly error: CodeError | undefined;
}

/** A name that nobody can guess. */
export function randomName(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

interface TakeOptions {
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
}

/** The result, and the file is gone; undefined where there is none, or what is there is none. */
export async function takeResult(
  files: Pick<SandboxFiles, "readStream">,
  path: string,
  { limit, signal }: TakeOptions,
): Promise<SnippetResult | undefined> {
  // Each character may have become six, of a value, a message and a traceback.
  const length = limit * 13 + 8_192;
  try {
    const content = await files.readStream(path, { length: length + 1, signal });
    const text = await wholeText(content);
    return text === undefined || text.length > length ? undefined : parsed(text);
  } catch (error) {
    if (error instanceof AlcoveError && error.status >= 400 && error.status < 500) return undefined;
    throw error;
  }
}

/** Undefined where the content broke off: a program shortened the file while it was read. A daemon that is gone shows at the next call. */
async function wholeText(content: ByteStream): Promise<string | undefined> {
  try {
    return await content.text();
  } catch (error) {
    if (error instanceof ConnectionError) return undefined;
    throw error;
  }
}

export function parsed(text: string): SnippetResult | undefined {
  let found: Readonly<Record<string, unknown>>;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof found !== "object" || found === null) return undefined;
  const { kind, value, isCut, exit = 0, error } = found;
  if (kind !== "none" && kind !== "json" && kind !== "text") return undefined;
  if (kind === "text" && typeof value !== "string") return undefined;
  if (typeof exit !== "number" || !Number.isInteger(exit)) return undefined;
  if (error !== undefined && !isCodeError(error)) return undefined;
  return { kind, value: kind === "none" ? undefined : value, isCut: isCut === true, exitCode: exit & 255, error };
}

function isCodeError(found: unknown): found is CodeError {
  if (typeof found !== "object" || found === null) return false;
  const { name, message, traceback } = found as Readonly<Record<string, unknown>>;
  return typeof name === "string" && typeof message === "string" && typeof traceback === "string";
}
