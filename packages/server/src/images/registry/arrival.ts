/** Watches bytes arrive in a directory: none for too long, or more than were announced, ends the work that brings them. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AlcoveError } from "@alcove/contract";

export interface ArrivalOptions {
  readonly directory: string;
  readonly expectedBytes: number;
  /** In words, for the errors. */
  readonly from: string;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
  /** How long nothing may come; 60 s when left out. */
  readonly stallMs?: number;
}

/** What a copy needs beside the blobs. */
const besidesBytes = 8 * 1_048_576;
const lookEveryMs = 200;
const usualStallMs = 60_000;

/** Runs the work; its signal aborts when the watch finds a fault, which is thrown then. */
export async function watchArrival<T>(work: (signal: AbortSignal) => Promise<T>, options: ArrivalOptions): Promise<T> {
  const controller = new AbortController();
  const over = new AbortController();
  const onAbort = () => controller.abort(options.signal.reason);
  options.signal.addEventListener("abort", onAbort, { once: true });
  if (options.signal.aborted) onAbort();
  const watching = watch(options, over.signal).catch((error: unknown) => controller.abort(error));
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    over.abort();
    options.signal.removeEventListener("abort", onAbort);
    await watching;
  }
}

async function watch(options: ArrivalOptions, over: AbortSignal): Promise<void> {
  const { directory, expectedBytes, from, stallMs = usualStallMs, onBytes } = options;
  let [seen, seenAt] = [-1, performance.now()];
  while (!over.aborted) {
    const bytes = await bytesIn(directory);
    if (bytes > expectedBytes + besidesBytes) throw tooMany(from, expectedBytes);
    if (bytes !== seen) {
      [seen, seenAt] = [bytes, performance.now()];
      onBytes(bytes);
    }
    if (performance.now() - seenAt > stallMs) throw stalled(from, seen, stallMs);
    await sleep(lookEveryMs, undefined, { signal: over }).catch(() => undefined);
  }
}

async function bytesIn(directory: string): Promise<number> {
  const names = await readdir(directory).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(directory, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function tooMany(from: string, expectedBytes: number): AlcoveError {
  return new AlcoveError("InvalidRequest", `${from} sends more than the ${expectedBytes} bytes that it announced.`, {
    hint: "Do not trust this registry; pull the image from another one.",
  });
}

function stalled(from: string, bytes: number, stallMs: number): AlcoveError {
  const detail = `${from} sent nothing for ${stallMs / 1_000} s, after ${bytes} bytes.`;
  return new AlcoveError("Timeout", detail, { hint: "Try again; what was pulled before is not kept." });
}
