/**
 * Ways for mmdebstrap to install packages whose owners, modes, setuid bits and capabilities are those that they ask for.
 *
 * - root: they are simply set.
 * - unshare: an ordinary user with subordinate ids is root of a user namespace; they are set there.
 * - fakechroot: an ordinary user without; fakeroot remembers what each file should have been, from program to program.
 *   It has no place for capabilities; packages without setcap at hand make do with setuid bits.
 */
import { userInfo } from "node:os";
import { AlcoveError } from "@alcove/contract";
import { run } from "../host/run.js";

/** mmdebstrap's names. */
export type BootstrapMode = "root" | "unshare" | "fakechroot";

/** The most faithful way that works here. */
export async function chooseBootstrapMode(signal: AbortSignal): Promise<BootstrapMode> {
  if (process.getuid?.() === 0) return "root";
  return (await canUnshare(signal)) ? "unshare" : "fakechroot";
}

/** Of installed packages, as `name=version`. Under fakeroot setcap says that it did what it did not. */
export function refuseLostCapabilities(mode: BootstrapMode, packages: readonly string[]): void {
  if (mode !== "fakechroot" || !packages.some((name) => name.startsWith("libcap2-bin="))) return;
  const sentence = "The image has setcap (libcap2-bin), and fakeroot cannot keep the capabilities that it sets.";
  const ids = "--add-subuids 200000-265535 --add-subgids 200000-265535";
  const hint = `Build as root, or get subordinate ids: sudo usermod ${ids} ${userName()}, with the package uidmap.`;
  throw new AlcoveError("ImageNotReady", sentence, { hint });
}

/** Removes what mmdebstrap left; in a user namespace it is of other owners. Not abortable: it is what an abort ends with. */
export async function removeLeft(mode: BootstrapMode, path: string): Promise<void> {
  const [program = "", ...args] = [...(mode === "unshare" ? inUserNamespace : []), "rm", "-rf", "--one-file-system"];
  await run(program, [...args, "--", path]);
}

const inUserNamespace = ["unshare", "--user", "--map-auto", "--map-root-user", "--"] as const;

async function canUnshare(signal: AbortSignal): Promise<boolean> {
  const [program, ...args] = [...inUserNamespace, "chown", "--version"] as const;
  try {
    await run(program, args, { signal, timeoutMs: 10_000 });
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/** A user that no account is written for has only a number. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.());
  }
}
