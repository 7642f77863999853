/** Names of what is not whole yet in a data directory. Whoever finds such a name after a crash may remove it. */
import { randomUUID } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const copying = "copying-";
/** Begins the name of the folder where a backup is unpacked and looked at. */
export const restoring = "restoring-";

export function unfinishedCopy(): string {
  return `${copying}${randomUUID()}`;
}

/** Removes what was left by a daemon that was killed while it copied, or by a restore that was killed. */
export function removeUnfinished(directory: string): void {
  for (const name of readdirSync(directory))
    if (name.startsWith(copying) || name.startsWith(restoring))
      rmSync(join(directory, name), { recursive: true, force: true });
}
