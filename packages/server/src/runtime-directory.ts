/** The directories that are the daemon's alone, and the file with its process id. */
import { chmodSync, lstatSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";

/** Makes a directory that only this user can enter. One of somebody else, who may have made it first, is refused. */
export function ownDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const hint =
      "Give the daemon's user the right to make it, or choose another with ALCOVE_DATA_DIR and ALCOVE_RUNTIME_DIR.";
    const sentence = `The directory ${path} cannot be made: ${(error as Error).message}.`;
    throw new AlcoveError("InternalError", sentence, { hint, cause: error });
  }
  const found = lstatSync(path);
  const user = process.getuid?.();
  if (!found.isDirectory() || found.uid !== user) {
    const what = found.isDirectory() ? `belongs to uid ${found.uid}, not to ${user}` : "is not a directory";
    throw new AlcoveError("InternalError", `${path} ${what}.`, { hint: "Remove it, or choose another directory." });
  }
  if ((found.mode & 0o077) !== 0) chmodSync(path, 0o700);
}

export const socketPath = (runtimeDirectory: string) => join(runtimeDirectory, "alcoved.sock");

/** Answers how to remove it again. */
export function writeProcessId(runtimeDirectory: string): () => void {
  const path = join(runtimeDirectory, "alcoved.pid");
  writeFileSync(path, `${process.pid}\n`, { mode: 0o600 });
  return () => rmSync(path, { force: true });
}
