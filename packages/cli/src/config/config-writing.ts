/** Changes of the CLI's file: read, changed and put in place in one step, 0600, one writer at a time. */
import { mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type ConfigFile, configPath, readConfig } from "./config-file.js";

export type ConfigChange = Pick<ConfigFile, "currentContext" | "contexts">;

const attempts = 40;
const pollMs = 50;

/** The lock is the new file itself, as git does it: whoever makes it writes, and renames it into place. */
export async function changeConfig(change: (before: ConfigFile) => ConfigChange): Promise<ConfigFile> {
  const named = configPath();
  await mkdir(dirname(named), { recursive: true, mode: 0o700 });
  // Where the file is a link, as in a repository of dotfiles, what it leads to is replaced.
  const path = await realpath(named).catch(() => named);
  const lock = `${path}.lock`;
  const file = await openLock(lock);
  try {
    const { currentContext, contexts } = change(readConfig(named));
    await file.writeFile(`${JSON.stringify({ currentContext, contexts }, undefined, 2)}\n`);
    await file.sync();
    await file.close();
    await rename(lock, path);
  } catch (failure) {
    await file.close().catch(() => undefined);
    await rm(lock, { force: true });
    throw failure;
  }
  return readConfig(named);
}

async function openLock(lock: string) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await open(lock, "wx", 0o600);
    } catch (failure) {
      if ((failure as NodeJS.ErrnoException).code !== "EEXIST") throw failure;
      if (attempt === attempts) {
        throw Object.assign(new Error(`Somebody else changes the configuration: ${lock} is there.`), {
          hint: `If nobody does: rm ${lock}`,
        });
      }
    }
    await pause(pollMs);
  }
}
