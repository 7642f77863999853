/** A builder that notes the layers that it is given: what a disk would hold. */
import type { DiskBuilder, OpenDiskBuilder } from "./disk-builder.js";

export interface NotedDisk {
  readonly layers: Buffer[];
  readonly open: OpenDiskBuilder;
}

export function notedDisk(): NotedDisk {
  const layers: Buffer[] = [];
  const builder: DiskBuilder = {
    async apply(layer) {
      const pieces: Uint8Array[] = [];
      for await (const piece of layer) pieces.push(piece);
      layers.push(Buffer.concat(pieces));
      return { entries: 1, bytes: layers.at(-1)?.length ?? 0 };
    },
    finish: async () => ({ files: layers.length, bytes: 1 }),
    [Symbol.asyncDispose]: async () => undefined,
  };
  return { layers, open: async () => builder };
}
