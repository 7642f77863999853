/** Volumes, for those above the engine. */
import type { Volumes } from "../../engine.js";
import { spareSerials } from "../machine/command-line.js";
import type { MachineHost } from "../machine/machine-host.js";
import { isAsIn, restoreVolume } from "./volume-layers.js";
import { copyVolume, makeVolume, removeVolume, usedBytes } from "./volume-store.js";

export function createVolumes(ready: (signal: AbortSignal) => Promise<MachineHost>): Volumes {
  const host = () => ready(new AbortController().signal);
  return {
    serials: spareSerials,
    create: async (id, bytes, signal) => makeVolume(await ready(signal), { id, bytes }, signal),
    copy: async (from, to, signal) => copyVolume(await ready(signal), { from, to }, signal),
    restore: async (snapshotId, { from, to }, signal) => restoreVolume(await ready(signal), { snapshotId, from, to }),
    isAsIn: async (snapshotId, { from, to }) => isAsIn(await host(), { snapshotId, from, to }),
    remove: async (id) => removeVolume(await host(), id),
    usedBytes: async (id) => usedBytes((await host()).roots, id),
  };
}
