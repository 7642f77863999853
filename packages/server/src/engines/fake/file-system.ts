/** A file system in memory: enough of one for the agent's file calls and the fake programs. */
import { AlcoveError, type Entry, type FileEvent } from "@alcove/contract";
import { Change } from "../../lib/change.js";

export interface FakeNode {
  kind: "file" | "directory" | "symlink";
  mode: number;
  uid: number;
  gid: number;
  modifiedMs: number;
  /** Grows with every change of the content. */
  version: number;
  content: Buffer;
  readonly entries: Map<string, FakeNode>;
  target: string;
}

export interface Ownership {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const maxLinks = 40;

export class FakeFileSystem {
  readonly #root = makeNode("directory", 0o755);
  readonly #listeners = new Set<(event: FileEvent) => void>();
  readonly changed = new Change();

  get watchers(): number {
    return this.#listeners.size;
  }

  /** Answers how to stop listening. */
  onChange(listener: (event: FileEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #tell(event: FileEvent): void {
    for (const listener of this.#listeners) listener(event);
    this.changed.announce();
  }

  /** The node of a path; symbolic links on the way are followed, the last one unless told not to. */
  find(path: string, options: { readonly followLast: boolean } = { followLast: true }, links = 0): FakeNode {
    if (links > maxLinks) throw new AlcoveError("InvalidRequest", `${path} has too many symbolic links.`);
    const names = partsOf(path);
    let node = this.#root;
    for (const [index, name] of names.entries()) {
      if (node.kind !== "directory") throw new AlcoveError("NotADirectory", `A part of ${path} is not a directory.`);
      const next = node.entries.get(name);
      if (next === undefined) throw new AlcoveError("FileNotFound", `${path} is not there.`);
      if (next.kind === "symlink" && (index < names.length - 1 || options.followLast)) {
        const rest = names.slice(index + 1).join("/");
        const target = resolvePath(`/${names.slice(0, index).join("/")}`, next.target);
        return this.find(resolvePath(target, rest), options, links + 1);
      }
      node = next;
    }
    return node;
  }

  has(path: string): boolean {
    try {
      this.find(path, { followLast: false });
      return true;
    } catch {
      return false;
    }
  }

  /** Bytes of a regular file. */
  read(path: string): { readonly content: Buffer; readonly node: FakeNode } {
    const node = this.find(path);
    if (node.kind === "directory") throw new AlcoveError("IsADirectory", `${path} is a directory.`);
    return { content: node.content, node };
  }

  /** Replaces a file in one step; an existing one keeps owner and mode unless told. */
  write(path: string, content: Buffer, ownership: Partial<Ownership> = {}, createDirs = false): void {
    if (createDirs) this.makeDirectory(parentOf(path), { createParents: true });
    const existing = this.has(path) ? this.find(path) : undefined;
    if (existing?.kind === "directory") throw new AlcoveError("IsADirectory", `${path} is a directory.`);
    const node = existing ?? this.#add(path, makeNode("file", 0o644));
    Object.assign(node, ownership, { content, modifiedMs: Date.now(), version: node.version + 1 });
    if (existing !== undefined) this.#tell({ type: "created", path, isDir: false });
  }

  link(path: string, target: string): void {
    this.#add(path, { ...makeNode("symlink", 0o777), target });
  }

  makeDirectory(path: string, options: { readonly createParents: boolean; readonly mode?: number }): void {
    const names = partsOf(path);
    for (let depth = 1; depth <= names.length; depth++) {
      const current = `/${names.slice(0, depth).join("/")}`;
      const isLast = depth === names.length;
      if (this.has(current)) {
        if (this.find(current).kind !== "directory")
          throw new AlcoveError(isLast ? "FileExists" : "NotADirectory", `${current} is not a directory.`);
        if (isLast && !options.createParents) throw new AlcoveError("FileExists", `${current} is there already.`);
      } else if (isLast || options.createParents)
        this.#add(current, makeNode("directory", isLast ? (options.mode ?? 0o755) : 0o755));
    }
  }

  delete(path: string, recursive: boolean): void {
    const node = this.find(path, { followLast: false });
    if (node === this.#root) throw new AlcoveError("InvalidRequest", "/ cannot be deleted.");
    if (node.kind === "directory" && node.entries.size > 0 && !recursive)
      throw new AlcoveError("DirectoryNotEmpty", `${path} is not empty.`);
    this.#parent(path).entries.delete(nameOf(path));
    this.#tell({ type: "deleted", path, isDir: node.kind === "directory" });
  }

  move(from: string, to: string, overwrite: boolean): void {
    const node = this.find(from, { followLast: false });
    if (`${to}/`.startsWith(`${from}/`) && to !== from)
      throw new AlcoveError("InvalidRequest", `${from} cannot be moved into itself.`);
    if (this.has(to)) {
      if (!overwrite) throw new AlcoveError("FileExists", `${to} is there already.`);
      if (this.find(to, { followLast: false }).kind === "directory" && node.kind !== "directory")
        throw new AlcoveError("IsADirectory", `${to} is a directory.`);
    }
    const target = this.#parent(to);
    this.#parent(from).entries.delete(nameOf(from));
    target.entries.set(nameOf(to), node);
    this.#tell({ type: "moved", path: to, from, isDir: node.kind === "directory" });
  }

  stat(path: string, followLast = false): Entry {
    return entryOf(path, this.find(path, { followLast }));
  }

  list(path: string): Entry[] {
    const node = this.find(path);
    if (node.kind !== "directory") throw new AlcoveError("NotADirectory", `${path} is not a directory.`);
    const names = [...node.entries.keys()].sort();
    return names.map((name) => entryOf(resolvePath(path, name), node.entries.get(name) as FakeNode));
  }

  #add(path: string, node: FakeNode): FakeNode {
    this.#parent(path).entries.set(nameOf(path), node);
    this.#tell({ type: "created", path, isDir: node.kind === "directory" });
    return node;
  }

  #parent(path: string): FakeNode {
    if (partsOf(path).length === 0) throw new AlcoveError("InvalidRequest", "/ has no parent.");
    const parent = this.find(parentOf(path));
    if (parent.kind !== "directory") throw new AlcoveError("NotADirectory", `${parentOf(path)} is not a directory.`);
    return parent;
  }
}

/** A path as seen from a directory, without `.` and `..`. */
export function resolvePath(from: string, path: string): string {
  const names: string[] = [];
  for (const name of (path.startsWith("/") ? path : `${from}/${path}`).split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}

function makeNode(kind: FakeNode["kind"], mode: number): FakeNode {
  return {
    kind,
    mode,
    uid: 0,
    gid: 0,
    modifiedMs: Date.now(),
    version: 1,
    content: Buffer.alloc(0),
    entries: new Map(),
    target: "",
  };
}

function entryOf(path: string, node: FakeNode): Entry {
  return {
    name: nameOf(path),
    path,
    size: node.content.length,
    mode: node.mode,
    isDir: node.kind === "directory",
    isSymlink: node.kind === "symlink",
    ...(node.kind === "symlink" ? { symlinkTarget: node.target } : {}),
    modifiedTime: Math.floor(node.modifiedMs / 1_000),
    uid: node.uid,
    gid: node.gid,
  };
}

function partsOf(path: string): string[] {
  return resolvePath("/", path)
    .split("/")
    .filter((name) => name !== "");
}

function parentOf(path: string): string {
  return `/${partsOf(path).slice(0, -1).join("/")}`;
}

function nameOf(path: string): string {
  return partsOf(path).at(-1) ?? "";
}
