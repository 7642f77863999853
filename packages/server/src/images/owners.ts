/**
 * Ways to make a file tree whose owners, modes, setuid bits and capabilities are those that the packages ask for.
 *
 * - root: they are simply set.
 * - unshare: an ordinary user with subordinate ids is root of a user namespace; they are set there.
 * - fakeroot: an ordinary user without; a state file remembers what each file should have been, from program to program.
 *   It has no place for capabilities; packages without setcap at hand make do with setuid bits.
 */
import { access, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { type RunOptions, type RunResult, run } from "../host/run.js";

export interface Owners {
  readonly way: "root" | "unshare" | "fakeroot";
  /** mmdebstrap's name for the same. */
  readonly bootstrapMode: "root" | "unshare" | "fakechroot";
  /** Runs a program that sees and sets owners as root would. */
  run(program: string, args: readonly string[], options: RunOptions): Promise<RunResult>;
}

/** The most faithful way that works here. The state file is only used by fakeroot. */
export async function chooseOwners(stateFile: string, signal: AbortSignal): Promise<Owners> {
  if (process.getuid?.() === 0) return asRoot;
  if (await canUnshare(signal)) return inUserNamespace;
  await writeFile(stateFile, "");
  return underFakeroot(stateFile);
}

/** Under fakeroot setcap says that it did what it did not: a tree that has it may have lost capabilities. */
export async function refuseLostCapabilities(owners: Owners, tree: string): Promise<void> {
  if (owners.way !== "fakeroot" || !(await exists(join(tree, "usr/sbin/setcap")))) return;
  const ids = "--add-subuids 200000-265535 --add-subgids 200000-265535";
  throw new AlcoveError(
    "ImageNotReady",
    "The image has setcap, and fakeroot cannot keep the capabilities that it sets.",
    {
      hint: `Build as root, or get subordinate ids: sudo usermod ${ids} ${userName()}`,
    },
  );
}

/** A user that no account is written for has only a number. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.());
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

const asRoot: Owners = { way: "root", bootstrapMode: "root", run };

const namespaceArgs = ["--user", "--map-auto", "--map-root-user", "--"];

const inUserNamespace: Owners = {
  way: "unshare",
  bootstrapMode: "unshare",
  run: (program, args, options) => run("unshare", [...namespaceArgs, program, ...args], options),
};

function underFakeroot(stateFile: string): Owners {
  const fakerootArgs = ["-i", stateFile, "-s", stateFile, "--"];
  return {
    way: "fakeroot",
    bootstrapMode: "fakechroot",
    run: (program, args, options) => run("fakeroot", [...fakerootArgs, program, ...args], options),
  };
}

async function canUnshare(signal: AbortSignal): Promise<boolean> {
  try {
    await run("unshare", [...namespaceArgs, "chown", "--version"], { signal, timeoutMs: 10_000 });
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
