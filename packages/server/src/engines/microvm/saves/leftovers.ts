/** Layers and memories that a work which never ended left behind. A daemon that starts removes them; so does who asks for it. */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { entriesOf } from "../../../host/disk-use.js";
import type { Leftover } from "../../engine.js";
import type { MachineHost } from "../machine/machine-host.js";
import { layersDirectory, memoriesDirectory, type Roots } from "../machine/machine-paths.js";

/** What is being made is not held yet, but changes: nothing that was still for so long is in the making. */
const stillMs = 3_600_000;
const bytesPerBlock = 512;

export async function findLeftovers(
  { roots, holdings }: Pick<MachineHost, "roots" | "holdings">,
  now = Date.now(),
): Promise<readonly (Leftover & { readonly path: string })[]> {
  await holdings.load();
  return [
    ...(await unheld(roots, "layers", now, () => new Set(holdings.layers().map((layer) => `${layer}.qcow2`)))),
    ...(await unheld(roots, "memories", now, () => holdings.memories())),
  ];
}

export async function removeLeftovers(leftovers: readonly { readonly path: string }[]): Promise<void> {
  for (const { path } of leftovers) await rm(path, { force: true });
}

async function unheld(roots: Roots, kind: Leftover["kind"], now: number, held: () => ReadonlySet<string>) {
  const directory = kind === "layers" ? layersDirectory(roots) : memoriesDirectory(roots);
  const found: (Leftover & { readonly path: string })[] = [];
  for (const { name } of await entriesOf(directory)) {
    const path = join(directory, name);
    const seen = await stat(path).catch(() => undefined);
    if (seen === undefined || now - seen.ctimeMs < stillMs || held().has(name)) continue;
    found.push({ kind, name, bytes: seen.nlink > 1 ? 0 : seen.blocks * bytesPerBlock, path });
  }
  return found;
}
