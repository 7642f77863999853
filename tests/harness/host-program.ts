/** A program of this host in a sandbox, whatever its image: with its libraries, and the loader that takes these. */
import { execFile, spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";
import type { Sandbox } from "alcove";

const run = promisify(execFile);

export function hasProgram(name: string): boolean {
  return spawnSync(name, ["--version"]).error === undefined;
}

/** Under its own name in the sandbox's PATH; `options` come before what it is called with. */
export async function bringProgram(sandbox: Sandbox, name: string, options: readonly string[] = []): Promise<void> {
  const program = (await run("which", [name])).stdout.trim();
  const { stdout } = await run("ldd", [program]);
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
  const loader = libraries.find((path) => /\/ld-[^/]+$/.test(path));
  if (loader === undefined) throw new Error(`${program} has no loader among:\n${stdout}`);
  const place = `/opt/${name}`;
  const there = (path: string) => `${place}/${basename(path)}`;
  await Promise.all(
    [program, ...libraries].map(async (path) => {
      await sandbox.files.write(there(path), await readFile(path), { mode: 0o755, createDirs: true });
    }),
  );
  const words = [there(loader), "--library-path", place, there(program), ...options].join(" ");
  await sandbox.files.write(`/usr/local/bin/${name}`, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
}
