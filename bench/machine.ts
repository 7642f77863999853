/** What the figures were seen on: without it they say nothing. */
import { execFile } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { promisify } from "node:util";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly qemu: string;
  readonly docker: string;
  readonly engine: string;
  /** kvm, tcg (software emulation) or in-process. */
  readonly accelerator: string;
  /** ISO 8601. */
  readonly measuredAt: string;
}

export async function describeMachine(known: Pick<Machine, "docker" | "engine" | "accelerator">): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    qemu: firstVersion(await outputOf("qemu-system-x86_64", ["--version"])),
    ...known,
    measuredAt: new Date().toISOString(),
  };
}

/** The commit that is measured; `-dirty` when files differ from it. */
export async function describeCommit(): Promise<string> {
  const commit = (await outputOf("git", ["rev-parse", "HEAD"])).trim();
  const changes = await outputOf("git", [
    "status",
    "--porcelain",
    "--untracked-files=no",
    "--",
    ".",
    ":!bench/results",
  ]);
  return commit === "" ? "unknown" : `${commit}${changes.trim() === "" ? "" : "-dirty"}`;
}

async function outputOf(program: string, args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)(program, [...args])).stdout;
  } catch {
    return "";
  }
}

function firstVersion(text: string): string {
  return /\d+\.\d+(?:\.\d+)?/.exec(text)?.[0] ?? "not found";
}
