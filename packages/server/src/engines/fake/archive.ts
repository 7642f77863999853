/** A directory of the fake file system as tar, and back. */
import { AlcoveError } from "@alcove/contract";
import { type FakeFileSystem, type FakeNode, resolvePath } from "./file-system.js";
import { packTar, type TarEntry, unpackTar } from "./tar.js";
import { findUser } from "./users.js";

export function packDirectory(files: FakeFileSystem, path: string): Buffer {
  const node = files.find(path);
  if (node.kind !== "directory") throw new AlcoveError("NotADirectory", `${path} is not a directory.`);
  return packTar(entriesOf(node, ""));
}

/** Never writes outside the directory: names are resolved inside it, and links on the way are refused. */
export function unpackInto(files: FakeFileSystem, path: string, tar: Buffer, userName: string | undefined): number {
  const owner = userName === undefined ? undefined : findUser(userName);
  const entries = unpackTar(tar);
  files.makeDirectory(path, { createParents: true });
  for (const entry of entries) {
    const inside = resolvePath("/", entry.path);
    if (inside === "/") continue;
    refuseLinks(files, path, inside);
    unpackEntry(files, resolvePath(path, inside.slice(1)), entry);
    const node = files.find(resolvePath(path, inside.slice(1)), { followLast: false });
    Object.assign(node, { mode: entry.mode, uid: owner?.uid ?? entry.uid, gid: owner?.gid ?? entry.gid });
  }
  return entries.length;
}

function entriesOf(node: FakeNode, prefix: string): TarEntry[] {
  return [...node.entries].flatMap(([name, child]) => {
    const path = `${prefix}${name}`;
    const entry = {
      path,
      kind: child.kind,
      mode: child.mode,
      uid: child.uid,
      gid: child.gid,
      content: child.content,
      target: child.target,
    };
    return child.kind === "directory" ? [{ ...entry, path: `${path}/` }, ...entriesOf(child, `${path}/`)] : [entry];
  });
}

function refuseLinks(files: FakeFileSystem, path: string, inside: string): void {
  const names = inside.slice(1).split("/").slice(0, -1);
  for (let depth = 1; depth <= names.length; depth++) {
    const above = resolvePath(path, names.slice(0, depth).join("/"));
    if (files.has(above) && files.find(above, { followLast: false }).kind === "symlink")
      throw new AlcoveError("InvalidRequest", `The archive writes through the link ${above}.`);
  }
}

function unpackEntry(files: FakeFileSystem, path: string, entry: TarEntry): void {
  const isThere = files.has(path);
  if (isThere && entry.kind !== "directory") files.delete(path, true);
  if (entry.kind === "directory") files.makeDirectory(path, { createParents: true });
  else if (entry.kind === "symlink") {
    files.makeDirectory(resolvePath(path, ".."), { createParents: true });
    files.link(path, entry.target);
  } else files.write(path, entry.content, {}, true);
}
