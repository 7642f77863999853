/**
 * SQLite's driver is compiled for this Node: a minute and more on one core, while which `./dev` does what needs no database. The other
 * npm packages need nothing to be run.
 */
import { access } from "node:fs/promises";
import { join, resolve } from "node:path";
import { run } from "../../packages/server/src/host/run.js";
import { checkout } from "./checkout.js";

const driver = join(checkout, "node_modules/better-sqlite3/build/Release/better_sqlite3.node");
const timeoutMs = 900_000;

export async function compileSqliteDriver(signal: AbortSignal): Promise<void> {
  if (await isThere(driver)) return;
  const environment = { ...process.env, ...(await installedHeaders()), JOBS: "max" };
  await run("npm", ["rebuild", "better-sqlite3"], { workingDirectory: checkout, environment, signal, timeoutMs });
}

/** Compiling against this Node's own headers needs no download of them. */
async function installedHeaders(): Promise<Readonly<Record<string, string>>> {
  const prefix = resolve(process.execPath, "../..");
  return (await isThere(join(prefix, "include/node/node.h"))) ? { npm_config_nodedir: prefix } : {};
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
