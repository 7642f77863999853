/** What stands for a disk on the fake host: a file tree, kept in a small file as tar. */
import { readFile, writeFile } from "node:fs/promises";
import { posix } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { packDirectory, unpackInto } from "./archive.js";
import { FakeFileSystem, resolvePath } from "./file-system.js";
import { packTar, type TarEntry, unpackTar } from "./tar.js";

const magic = Buffer.from("fake disk\n");
const whiteout = ".wh.";
const opaque = ".wh..wh..opq";

/** A disk while layers are unpacked onto it. */
export class FakeDisk {
  readonly #files = new FakeFileSystem();
  #isBroken = false;

  apply(layer: Buffer): { readonly entries: number; readonly bytes: number } {
    if (this.#isBroken) throw new AlcoveError("InvalidRequest", "A layer before was refused.");
    try {
      return this.#unpack(layer);
    } catch (error) {
      this.#isBroken = true;
      throw error;
    }
  }

  /** Answers what the disk's file holds. */
  finish(): { readonly content: Buffer; readonly files: number; readonly bytes: number } {
    if (this.#isBroken) throw new AlcoveError("InvalidRequest", "A layer before was refused.");
    const tar = packDirectory(this.#files, "/");
    return { content: fakeDiskContent(tar), files: unpackTar(tar).length, bytes: tar.length };
  }

  /** Whiteouts first: they are about the layers below, wherever in the archive they stand. */
  #unpack(layer: Buffer): { readonly entries: number; readonly bytes: number } {
    const entries = unpackTar(layer);
    const [whiteouts, others] = [entries.filter(isWhiteout), entries.filter((entry) => !isWhiteout(entry))];
    for (const { path } of whiteouts) this.#remove(resolvePath("/", path));
    unpackInto(this.#files, "/", packTar(others), undefined);
    return { entries: entries.length, bytes: others.reduce((sum, { content }) => sum + content.length, 0) };
  }

  #remove(path: string): void {
    const [parent, name] = [posix.dirname(path), posix.basename(path)];
    if (!this.#files.has(parent)) return;
    const gone = name === opaque ? this.#files.list(parent).map((entry) => entry.name) : [name.slice(whiteout.length)];
    for (const one of gone) {
      const below = resolvePath(parent, one);
      if (this.#files.has(below)) this.#files.delete(below, true);
    }
  }
}

function isWhiteout({ path }: TarEntry): boolean {
  return posix.basename(path).startsWith(whiteout);
}

/** What a disk's file holds. */
export function fakeDiskContent(tree: Buffer): Buffer {
  return Buffer.concat([magic, tree]);
}

/** The tree that a builder left in the file; undefined where none did. */
export async function readFakeDisk(path: string): Promise<Buffer | undefined> {
  const content = await readFile(path).catch(() => undefined);
  return content?.subarray(0, magic.length).equals(magic) === true ? content.subarray(magic.length) : undefined;
}

export function writeFakeDisk(path: string, content: Buffer): Promise<void> {
  return writeFile(path, content);
}
