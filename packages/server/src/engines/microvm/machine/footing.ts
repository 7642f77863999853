/** What a machine, or what is kept of one, stands on besides its own files: a template, an image, layers of disks. */
import { AlcoveError } from "@alcove/contract";
import { z } from "zod";
import { type Template, templateIn } from "../templates/template.js";
import { spareDiskNodes } from "./command-line.js";
import type { MachineHost } from "./machine-host.js";
import { layerPath, machinePaths, type Roots, sharedMemoryPath, templatesDirectory } from "./machine-paths.js";
import type { Backing } from "./overlay.js";

/** The file that a machine maps its memory from, privately: it differs from it by the pages that it has changed. */
const MemoryBase = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("template") }),
  /** Zeros, in a file of the machine's own: it booted from its disk. */
  z.object({ kind: z.literal("blank") }),
  /** A snapshot's whole memory (shared-memory.ts). */
  z.object({ kind: z.literal("shared"), id: z.uuid() }),
]);

/**
 * Each stop and each snapshot lays one; QEMU opens all of them, and a chain that nobody could read again must not be made. Snapshots
 * leave some to stops: what is stopped has its own layers merged, where no snapshot stands on them (saves/layer-chains.ts).
 */
export const mostLayers = { stop: 500, snapshot: 440 } as const;
/** Of a volume: a machine that is given one names all of them to QEMU in one word of its command line. */
export const mostVolumeLayers = 120;

export const Footing = z.object({
  /** The disk's lowest layer is this template's. */
  templateKey: z.string().regex(/^[0-9a-f]+$/),
  memory: MemoryBase,
  /** Between the machine's own disk and the template's, the topmost first. */
  layers: z.array(z.uuid()).max(1_000).readonly(),
  /** The lowest layer has all of the disk, and stands on nothing: it came with an archive. */
  isDetached: z.boolean().optional(),
  image: z.object({
    name: z.string(),
    digest: z.string(),
    path: z.string(),
    warm: z.array(z.array(z.string()).readonly()).readonly(),
  }),
  /** Volumes behind its slots; their content is in no layer of the disk. */
  volumes: z
    .array(
      z.object({
        volumeId: z.uuid(),
        slot: z
          .number()
          .int()
          .min(0)
          .max(spareDiskNodes.length - 1),
        isReadOnly: z.boolean(),
        /** Of a snapshot: what was on it at that instant, whatever has become of it since. The topmost first. */
        frozen: z
          .object({ bytes: z.number().int().positive(), layers: z.array(z.uuid()).max(1_000).readonly() })
          .optional(),
      }),
    )
    .readonly()
    .optional(),
  size: z.object({ cpuMillicores: z.number().int(), memoryMiB: z.number().int(), diskMiB: z.number().int() }),
});
export type Footing = Readonly<z.infer<typeof Footing>>;

/** Refused before anything is touched: whoever has as many runs on. */
export function requireRoomForLayer(id: string, { layers }: Footing, purpose: keyof typeof mostLayers): void {
  const most = mostLayers[purpose];
  if (layers.length < most) return;
  const message = `The disk of ${id} stands on ${layers.length} layers; a ${purpose} adds one, and may do so below ${most}.`;
  throw new AlcoveError("QuotaExceeded", message, {
    hint:
      purpose === "snapshot"
        ? "Delete its snapshots, the newest first, then stop it and resume it after a minute: layers that no snapshot stands on become one while it sleeps."
        : "Copy what you need to a new sandbox.",
  });
}

export function templateOf(roots: Roots, { templateKey }: Pick<Footing, "templateKey">): Template {
  return templateIn(`${templatesDirectory(roots)}/${templateKey}`, templateKey);
}

export function memoryFileOf({ roots }: Pick<MachineHost, "roots">, id: string, footing: Footing): string {
  if (footing.memory.kind === "template") return templateOf(roots, footing).memory;
  if (footing.memory.kind === "blank") return machinePaths(roots, id).blankMemory;
  return sharedMemoryPath(roots, footing.memory.id);
}

/** Every disk below the machine's own, the nearest first. */
export function disksBelow(roots: Roots, footing: Footing): readonly [Backing, ...Backing[]] {
  const layers = footing.layers.map((layer) => ({ path: layerPath(roots, layer), format: "qcow2" }) as const);
  const [top, ...lower] = layers;
  if (footing.isDetached === true && top !== undefined) return [top, ...lower];
  const template = { path: templateOf(roots, footing).disk, format: "qcow2" } as const;
  const [nearest = template, ...others] = [...layers, template, { path: footing.image.path, format: "raw" } as const];
  return [nearest, ...others];
}
