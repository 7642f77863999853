/**
 * Many suspended sandboxes out of a few: each copy has files, layers and a row of its own, so that it costs a daemon's start,
 * a list and the disk what the one costs that it is a copy of. No daemon may run on the data directory meanwhile.
 */
import { randomUUID } from "node:crypto";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { openStore } from "../../packages/server/src/store/store.js";

/** What a copy changes of what is kept. */
const Manifest = z.looseObject({
  id: z.uuid(),
  footing: z.looseObject({ layers: z.array(z.uuid()) }),
});

const filesBesideManifest = ["memory.diff", "state"] as const;

/** Copies the suspended sandboxes that are there, by turns, until there are so many. Answers the ids of the copies. */
export async function copyUntil(dataDirectory: string, count: number): Promise<readonly string[]> {
  const store = openStore(dataDirectory);
  try {
    const originals = store.sandboxes.all().filter(({ suspension }) => suspension?.kept !== undefined);
    const copies: (typeof originals)[number][] = [];
    for (let made = originals.length; made < count; made += 1) {
      const original = originals[made % originals.length];
      if (original === undefined) throw new RangeError("there is no suspended sandbox to copy");
      const copy = { ...original, id: randomUUID() };
      await copyKept(dataDirectory, original.id, copy.id);
      copies.push(copy);
    }
    store.transaction(() => {
      for (const copy of copies) {
        const { id: sandboxId, group, labels, size, createdAt } = copy;
        store.sandboxes.insert(copy);
        store.usage.open({ sandboxId, group, labels, size, runs: false }, createdAt);
      }
    });
    return copies.map(({ id }) => id);
  } finally {
    store.close();
  }
}

async function copyKept(dataDirectory: string, from: string, to: string): Promise<void> {
  const [original, copy] = [join(dataDirectory, "suspended", from), join(dataDirectory, "suspended", to)];
  const manifest = Manifest.parse(JSON.parse(await readFile(join(original, "manifest.json"), "utf8")));
  const layers = manifest.footing.layers.map((layer) => ({ from: layer, to: randomUUID() }));
  const path = (layer: string) => join(dataDirectory, "layers", `${layer}.qcow2`);
  if (layers.length > 1) throw new RangeError(`${from} stands on layers that name each other`);
  await mkdir(copy, { mode: 0o711 });
  for (const file of filesBesideManifest) await copyFile(join(original, file), join(copy, file));
  for (const layer of layers) await copyFile(path(layer.from), path(layer.to));
  const footing = { ...manifest.footing, layers: layers.map((layer) => layer.to) };
  await writeFile(join(copy, "manifest.json"), JSON.stringify({ ...manifest, id: to, footing }));
}
