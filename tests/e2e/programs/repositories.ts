/** What git and apt take from a server of plain files: `thing.git`, and `apt/Packages` with `thing`. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../../packages/server/src/host/run.js";

export async function forGit(place: string): Promise<void> {
  const git = (...args: string[]) => run("git", ["-C", place, "-c", "user.name=a", "-c", "user.email=a@b", ...args]);
  await git("init", "-q", "work");
  await writeFile(join(place, "work/word"), "from git\n");
  await git("-C", "work", "add", ".");
  await git("-C", "work", "commit", "-qm", "one");
  await git("clone", "-q", "--bare", "work", "thing.git");
  await git("-C", "thing.git", "update-server-info");
}

export async function forApt(place: string): Promise<void> {
  await mkdir(join(place, "apt"));
  const fields = [
    "Package: thing",
    "Version: 1.2.3",
    "Architecture: all",
    "Maintainer: a <a@b>",
    "Filename: ./thing.deb",
  ];
  const rest = ["Size: 1", `SHA256: ${"0".repeat(64)}`, "Description: a thing"];
  await writeFile(join(place, "apt/Packages"), `${[...fields, ...rest].join("\n")}\n\n`);
}
