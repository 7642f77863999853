/** Control groups, one for each machine, below a home of ours; versions 1 and 2 of the kernel's interface. */
import { mkdir, readdir, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { waitFor } from "../lib/backoff.js";
import type { CgroupHome, Controller } from "./cgroup-home.js";

export interface CgroupLimits {
  readonly memoryBytes: number;
  readonly pids: number;
}

export interface CpuLimits {
  readonly millicores: number;
  /** Share of the processors when they are contended: 100 is what everybody has. */
  readonly weight: number;
}

const periodUsec = 100_000;

export class Cgroups {
  readonly #home: CgroupHome;

  constructor(home: CgroupHome) {
    this.#home = home;
  }

  /** Answers the group's directories, one for each hierarchy. */
  async create(name: string, limits: CgroupLimits): Promise<readonly string[]> {
    const directories = this.#directories(name);
    await Promise.all(directories.map((directory) => mkdir(directory, { recursive: true })));
    await Promise.all(
      this.#settings(limits).map(([controller, file, value]) => this.#write(name, controller, file, value)),
    );
    return directories;
  }

  async limitCpu(name: string, { millicores, weight }: CpuLimits): Promise<void> {
    const quota = Math.round((millicores * periodUsec) / 1000);
    if (this.#home.version === 2) {
      await this.#write(name, "cpu", "cpu.weight", `${weight}`);
      await this.#write(name, "cpu", "cpu.max", `${quota} ${periodUsec}`);
      return;
    }
    await this.#write(name, "cpu", "cpu.shares", `${Math.round((weight * 1024) / 100)}`);
    await this.#write(name, "cpu", "cpu.cfs_period_us", `${periodUsec}`);
    await this.#write(name, "cpu", "cpu.cfs_quota_us", `${quota}`);
  }

  /** Removes the group once its last process has ended; it need not be there. */
  async remove(name: string, signal: AbortSignal): Promise<void> {
    for (const directory of this.#directories(name)) await removeEmptyGroup(directory, signal);
  }

  /** Removes groups by their directories: those of a daemon that had another home, too. */
  async removeDirectories(directories: readonly string[], signal: AbortSignal): Promise<void> {
    const homes: readonly string[] = Object.values(this.#home.directories);
    for (const directory of directories) {
      await removeEmptyGroup(directory, signal);
      if (!homes.includes(dirname(directory))) await rmdir(dirname(directory)).catch(() => undefined);
    }
  }

  /** The groups that are there. */
  async list(): Promise<readonly string[]> {
    const listings = await Promise.all([...new Set(Object.values(this.#home.directories))].map(listDirectories));
    return [...new Set(listings.flat())];
  }

  /** Removes the home itself when no group is left in it. */
  async close(): Promise<void> {
    for (const directory of new Set(Object.values(this.#home.directories)))
      await rmdir(directory).catch(() => undefined);
  }

  #settings({ memoryBytes, pids }: CgroupLimits): readonly (readonly [Controller, string, string])[] {
    return this.#home.version === 2
      ? [
          ["memory", "memory.max", `${memoryBytes}`],
          ["pids", "pids.max", `${pids}`],
        ]
      : [
          ["memory", "memory.limit_in_bytes", `${memoryBytes}`],
          ["pids", "pids.max", `${pids}`],
        ];
  }

  async #write(name: string, controller: Controller, file: string, value: string): Promise<void> {
    await writeFile(join(this.#home.directories[controller], name, file), value);
  }

  #directories(name: string): readonly string[] {
    return [...new Set(Object.values(this.#home.directories))].map((directory) => join(directory, name));
  }
}

/** A process that has ended leaves its group a moment later. */
async function removeEmptyGroup(directory: string, signal: AbortSignal): Promise<void> {
  await waitFor(
    async () => {
      try {
        await rmdir(directory);
        return true;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === "ENOENT") return true;
        if (code === "EBUSY") return undefined;
        throw error;
      }
    },
    signal,
    { firstMs: 1, lastMs: 50 },
  );
}

async function listDirectories(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
