/**
 * The keys that groups' egress certificates are signed with: a file each beside the database, for its owner alone, and in no backup.
 * A group without one is given a new one by whoever needs it.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeKeyFile } from "./write-key-file.js";

const Authority = z.strictObject({ certificate: z.string().min(1), key: z.string().min(1) });
/** PEM. */
export type EgressAuthority = z.infer<typeof Authority>;

export interface EgressAuthorityFiles {
  find(group: string): EgressAuthority | undefined;
  /** Durable when this answers. Where there is one already that one stays, and is the answer. */
  add(group: string, authority: EgressAuthority): EgressAuthority;
  /** Succeeds when there is none. */
  remove(group: string): void;
}

export function egressAuthorityFiles(dataDirectory: string): EgressAuthorityFiles {
  const directory = join(dataDirectory, "egress", "authorities");
  const pathOf = (group: string) => join(directory, `${encodeURIComponent(group)}.json`);
  const find = (group: string) => {
    const text = readIfThere(pathOf(group));
    return text === undefined ? undefined : Authority.parse(JSON.parse(text));
  };
  return {
    find,
    add(group, authority) {
      try {
        writeKeyFile({ path: pathOf(group), within: dataDirectory, content: JSON.stringify(authority) });
        return authority;
      } catch (error) {
        const present = find(group);
        if (present === undefined) throw error;
        return present;
      }
    },
    remove: (group) => rmSync(pathOf(group), { force: true }),
  };
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
