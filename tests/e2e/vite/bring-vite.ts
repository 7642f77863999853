/** Vite in a sandbox without a network: this host's Node and what npm installed of Vite here, as files. */
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Sandbox } from "alcove";

const modules = dirname(dirname(createRequire(import.meta.url).resolve("vite/package.json")));

/** Answers whether this host's Node runs in the sandbox's system. */
export async function bringNode(sandbox: Sandbox): Promise<boolean> {
  const program = createReadStream(process.execPath, { highWaterMark: 1_048_576 });
  await sandbox.files.write("/usr/local/bin/node", program, { mode: 0o755 });
  return (await sandbox.exec(["/usr/local/bin/node", "--version"])).stdout.trim() === process.version;
}

/** Into `node_modules` of the directory, with all that it stands on. */
export async function bringVite(sandbox: Sandbox, directory: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "alcove-vite-"));
  try {
    for (const name of withDependencies("vite")) {
      await cp(join(modules, name), join(folder, "node_modules", name), { recursive: true });
    }
    await sandbox.files.upload(folder, directory);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of those, the ones that are for this system are installed. */
function withDependencies(name: string): ReadonlySet<string> {
  const found = new Set([name]);
  for (const each of found) {
    const { dependencies, optionalDependencies } = JSON.parse(
      readFileSync(join(modules, each, "package.json"), "utf8"),
    );
    for (const one of Object.keys({ ...dependencies, ...optionalDependencies }))
      if (existsSync(join(modules, one))) found.add(one);
  }
  return found;
}
