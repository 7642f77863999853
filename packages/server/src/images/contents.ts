/**
 * Contents on disk: `<images>/<key>/`, a disk and its manifest. The folder appears under its key as a whole, and goes under
 * another name first, so one with a key for its name is complete.
 */
import { randomBytes } from "node:crypto";
import { renameSync } from "node:fs";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { bytesIn } from "../host/disk-use.js";
import { syncPath, writeDurably } from "../host/write-durably.js";
import type { Collected, Content } from "./image.js";

const Manifest = z.strictObject({
  key: z.string(),
  digest: z.string(),
  builtAt: z.iso.datetime(),
  sizeBytes: z.int(),
  warm: z.array(z.array(z.string())),
  /** What went in, in words: packages with versions, or layers. */
  parts: z.array(z.string()),
});
export type Manifest = z.infer<typeof Manifest>;

export const diskName = "disk.raw";
const manifestName = "manifest.json";
const keyPattern = /^[0-9a-f]{64}$/;
const gonePrefix = "gone-";

export class Contents {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  async find(key: string): Promise<Content | undefined> {
    const folder = join(this.directory, key);
    const manifest = keyPattern.test(key) ? await readManifest(folder) : undefined;
    if (manifest === undefined) return undefined;
    const { digest, warm, sizeBytes, builtAt } = manifest;
    return { key, digest, path: join(folder, diskName), warm, sizeBytes, builtAt };
  }

  /** Takes over a folder with a disk in it. */
  async adopt(folder: string, manifest: Manifest): Promise<Content> {
    await writeDurably(join(folder, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
    await rename(folder, join(this.directory, manifest.key));
    await syncPath(this.directory);
    const content = await this.find(manifest.key);
    if (content === undefined) throw new Error(`The content ${manifest.key} was built, but is not there`);
    return content;
  }

  async diskUse(): Promise<{ readonly count: number; readonly bytes: number }> {
    const count = (await this.#folders()).filter((name) => keyPattern.test(name)).length;
    return { count, bytes: await bytesIn(this.directory, new Set()) };
  }

  async list(): Promise<readonly Content[]> {
    const found = await Promise.all((await this.#folders()).map((name) => this.find(name)));
    return found.filter((content) => content !== undefined);
  }

  /** From the question to the new name nothing else happens in this process. */
  async collect(isWanted: (key: string) => boolean): Promise<Collected> {
    let [count, freedBytes] = [0, 0];
    for (const name of await this.#folders()) {
      if (!keyPattern.test(name)) continue;
      const sizeBytes = (await this.find(name))?.sizeBytes ?? 0;
      if (isWanted(name)) continue;
      const gone = join(this.directory, `${gonePrefix}${randomBytes(8).toString("hex")}`);
      if (!renamed(join(this.directory, name), gone)) continue;
      await rm(gone, { recursive: true, force: true });
      count += 1;
      freedBytes += sizeBytes;
    }
    return { count, freedBytes };
  }

  /** Removes what an earlier daemon had begun to remove. */
  async sweep(): Promise<void> {
    for (const name of await this.#folders()) {
      if (name.startsWith(gonePrefix)) await rm(join(this.directory, name), { recursive: true, force: true });
    }
  }

  async #folders(): Promise<string[]> {
    return readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
  }
}

/** False where another collection was there first. */
function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

async function readManifest(folder: string): Promise<Manifest | undefined> {
  const written = await readFile(join(folder, manifestName), "utf8")
    .then(JSON.parse)
    .catch(() => undefined);
  const manifest = Manifest.safeParse(written);
  return manifest.success ? manifest.data : undefined;
}
