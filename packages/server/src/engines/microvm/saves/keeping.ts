/** Writes down what a paused machine is: the pages that it has changed, and its devices. */
import { open, rm } from "node:fs/promises";
import { openPlainFile } from "../../../host/plain-file.js";
import { memoryFileOf } from "../machine/footing.js";
import type { MachineHost } from "../machine/machine-host.js";
import { type KeptPaths, machinePaths } from "../machine/machine-paths.js";
import { captureMemory } from "./capture.js";
import { openMapped } from "./mapped-memory.js";
import type { Suspendable } from "./suspension.js";

/** Devices take some kilobytes; a QEMU that was escaped could write more. */
export const longestStateBytes = 16 * 1024 * 1024;

export async function keepMemory(
  host: MachineHost,
  { id, process, footing }: Suspendable,
  paths: KeptPaths,
  signal: AbortSignal,
): Promise<void> {
  const base = memoryFileOf(host, id, footing);
  await using mapped = await openMapped(process.pid, base);
  await using file = await open(paths.memory, "wx", 0o600);
  await captureMemory(mapped, file, footing.memory.kind === "blank" ? undefined : base, signal);
}

/** QEMU sees its own directory alone, so it is written there; what stands there is QEMU's, and is copied within bounds. */
export async function keepDevices(
  host: MachineHost,
  { id, uid, qmp }: Suspendable,
  paths: KeptPaths,
  signal: AbortSignal,
): Promise<void> {
  const { directory } = machinePaths(host.roots, id);
  const written = `${directory}/state`;
  await qmp.execute("xen-save-devices-state", { filename: written, live: false }, signal);
  const owner = uid ?? process.getuid?.() ?? 0;
  await using from = await openPlainFile(
    written,
    "read",
    (found) => found.uid === owner && found.size <= longestStateBytes,
  );
  await using to = await open(paths.state, "wx", 0o400);
  await to.writeFile(await from.readFile());
  await rm(written, { force: true });
}
