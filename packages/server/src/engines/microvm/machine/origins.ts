/** Where a machine goes on from: found, and found to fit this host, before anything is started. */
import { AlcoveError } from "@alcove/contract";
import type { MachineOrigin, MachineSpec } from "../../engine.js";
import { keptPaths, type Manifest, readManifest } from "../saves/kept.js";
import { makingOf, type Template } from "../templates/template.js";
import { clockFits, readTemplateRecord } from "../templates/template-record.js";
import type { Footing } from "./footing.js";
import { templateOf } from "./footing.js";
import type { MachineHost } from "./machine-host.js";
import type { KeptPaths } from "./machine-paths.js";

export interface FoundOrigin {
  readonly footing: Footing;
  readonly kept: KeptPaths;
  /** The pages that are kept need not be put over the memory that it stands on: they are in it. */
  readonly isWholeMemory?: boolean | undefined;
}

/** What a machine that starts from a template stands on. */
export function footingOn({ key }: Template, { disk, size }: MachineSpec): Footing {
  return { templateKey: key, memory: { kind: "template" }, layers: [], image: disk, size };
}

export async function findOrigin(
  host: Pick<MachineHost, "roots" | "installation">,
  origin: MachineOrigin,
  { size, volumes = [] }: Pick<MachineSpec, "size" | "volumes">,
): Promise<FoundOrigin> {
  const kept = keptPaths(host.roots, origin);
  const manifest = await readManifest(kept);
  if (manifest === undefined) throw incompatible(origin, "nothing of it is kept that is whole");
  const { footing } = manifest;
  const sizes = [footing.size, size].map(({ cpuMillicores, memoryMiB, diskMiB }) =>
    [cpuMillicores, memoryMiB, diskMiB].join("/"),
  );
  if (sizes[0] !== sizes[1])
    throw incompatible(origin, `its size is ${sizes[0]}, not ${sizes[1]} (millicores/MiB/MiB)`);
  if (origin.from === "Disk") return { footing: { ...footing, memory: { kind: "blank" }, volumes: [] }, kept };
  const problem = await misfit(host, manifest);
  if (problem !== undefined) throw incompatible(origin, problem);
  const own = origin.kind === "suspended" ? footing : { ...footing, volumes };
  return { footing: own, kept, isWholeMemory: manifest.isWholeMemory };
}

/** Why its memory does not go on here. */
async function misfit(
  { roots, installation }: Pick<MachineHost, "roots" | "installation">,
  { mode, making, tscKhz, footing }: Manifest,
): Promise<string | undefined> {
  if (mode === "Disk") return "its disk was kept, and no memory";
  if (making !== makingOf(installation)) return "it was made with another QEMU, kernel, agent or processor";
  if (!clockFits({ tscKhz }, installation.platform.tscKhz))
    return `its clock counts ${tscKhz} kHz, and this host's ${installation.platform.tscKhz}`;
  if (footing.memory.kind !== "template") return undefined;
  const template = await readTemplateRecord(templateOf(roots, footing));
  return template === undefined ? `the template ${footing.templateKey} that its memory stands on is gone` : undefined;
}

function incompatible(origin: MachineOrigin, why: string): AlcoveError {
  const what = origin.kind === "suspended" ? `the sandbox ${origin.sandboxId}` : `the snapshot ${origin.snapshotId}`;
  return new AlcoveError("SnapshotIncompatible", `What was kept of ${what} does not go on: ${why}.`);
}
