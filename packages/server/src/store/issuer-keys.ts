/** The keys that groups' tokens are signed with: a file each beside the database, for its owner alone, and in no backup. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeKeyFile } from "./write-key-file.js";

const Kept = z.strictObject({
  /** Milliseconds since 1970. */
  createdAt: z.number().int(),
  /** PKCS #8, PEM. */
  privateKey: z.string().min(1),
});

export interface IssuerKey extends z.infer<typeof Kept> {
  readonly id: string;
}

export interface IssuerKeyFiles {
  /** The oldest first. */
  list(): IssuerKey[];
  /** Durable when this answers. */
  add(key: IssuerKey): void;
  /** Succeeds when there is none. */
  remove(id: string): void;
}

export function issuerKeyFiles(dataDirectory: string): IssuerKeyFiles {
  const directory = join(dataDirectory, "identity", "keys");
  const pathOf = (id: string) => join(directory, `${id}.json`);
  return {
    list: () =>
      idsIn(directory)
        .map((id) => ({ id, ...Kept.parse(JSON.parse(readFileSync(pathOf(id), "utf8"))) }))
        .sort((a, b) => a.createdAt - b.createdAt),
    add: ({ id, ...kept }) => writeKeyFile({ path: pathOf(id), within: dataDirectory, content: JSON.stringify(kept) }),
    remove: (id) => rmSync(pathOf(id), { force: true }),
  };
}

function idsIn(directory: string): string[] {
  try {
    return readdirSync(directory).flatMap((name) => /^([\w-]+)\.json$/.exec(name)?.[1] ?? []);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
