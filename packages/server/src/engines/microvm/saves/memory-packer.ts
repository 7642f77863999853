/** Packs the memory of machines that have slept for a while, in the background, one after the other. */
import { readdir, stat } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { keptPathsIn, type Roots, suspendedDirectory } from "../machine/machine-paths.js";
import { packMemory } from "./memory-packing.js";

const lookEveryMs = { least: 1_000, most: 30_000 };
/** Below it a block or two of the file system is all there is to win. */
const leastBytes = 64 * 1024;

export interface MemoryPackerOptions {
  /** How long a machine sleeps before its memory is packed. */
  readonly afterMs: number;
  /** Told of each memory that could not be packed, and stays as it is: a sentence. */
  readonly onFailed?: ((sentence: string) => void) | undefined;
}

/** Until the signal aborts. */
export async function packMemories(roots: Roots, options: MemoryPackerOptions, signal: AbortSignal): Promise<void> {
  const seen = new Set<string>();
  const pauseMs = Math.min(lookEveryMs.most, Math.max(lookEveryMs.least, options.afterMs));
  while (!signal.aborted) {
    await packOnce(roots, options, seen, signal).catch((error: unknown) => {
      if (!signal.aborted) options.onFailed?.(`Kept memories could not be packed: ${reasonOf(error)}.`);
    });
    await setTimeout(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** Each memory once: `seen` has those that were looked at and are still there. Answers how many were packed. */
export async function packOnce(
  roots: Roots,
  { afterMs, onFailed }: MemoryPackerOptions,
  seen: Set<string>,
  signal: AbortSignal,
): Promise<number> {
  const directory = suspendedDirectory(roots);
  const present = new Set<string>();
  let packed = 0;
  for (const id of await readdir(directory)) {
    const { memory } = keptPathsIn(`${directory}/${id}`);
    const found = await stat(memory).catch(() => undefined);
    const name = `${id} ${found?.ino} ${found?.ctimeMs}`;
    present.add(name);
    if (found === undefined || found.size < leastBytes || seen.has(name) || Date.now() - found.mtimeMs < afterMs)
      continue;
    seen.add(name);
    try {
      if (await packMemory(memory, signal)) packed++;
    } catch (error) {
      signal.throwIfAborted();
      // It woke up meanwhile, and is used up.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
      onFailed?.(
        `The memory of the suspended sandbox ${id} could not be packed, and stays as it is: ${reasonOf(error)}.`,
      );
    }
  }
  for (const name of seen) if (!present.has(name)) seen.delete(name);
  return packed;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
