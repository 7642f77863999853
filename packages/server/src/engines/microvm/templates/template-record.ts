/**
 * What is written down about a template: what it was made from, and the fingerprint of each of its files. A file that is not
 * what it was is noticed by the fingerprint at start-up and in the background, never while a sandbox is being created.
 */
import { createHash } from "node:crypto";
import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { dataBlocks } from "../../../host/data-blocks.js";
import { writeDurably } from "../../../host/write-durably.js";
import type { Installation } from "../findings/installation.js";
import { makingOf, type Template } from "./template.js";
import type { TemplateOrder } from "./template-making.js";

const Fingerprint = z.object({ memory: z.string(), state: z.string(), disk: z.string() });
export type Fingerprint = z.infer<typeof Fingerprint>;

const TemplateRecord = z.object({
  version: z.literal(1),
  image: z.object({
    name: z.string(),
    digest: z.string(),
    path: z.string().optional(),
    warm: z.array(z.array(z.string())).optional(),
  }),
  /** With the image's path and programs it is what the template is made of; missing where an older Alcove made it. */
  size: z.object({ cpuMillicores: z.number(), memoryMiB: z.number(), diskMiB: z.number() }).optional(),
  /** Of `makingOf`. */
  making: z.string(),
  kernelVersion: z.string(),
  agentVersion: z.string(),
  tscKhz: z.number().optional(),
  fingerprint: Fingerprint,
});
export type TemplateRecord = z.infer<typeof TemplateRecord>;

export const recordPath = (template: Template) => join(template.directory, "template.json");

export async function writeTemplateRecord(
  template: Template,
  made: { readonly order: TemplateOrder; readonly fingerprint: Fingerprint; readonly installation: Installation },
): Promise<void> {
  const { order, fingerprint, installation } = made;
  const { name, digest, path, warm } = order.disk;
  const record: TemplateRecord = {
    version: 1,
    image: { name, digest, path, warm: warm.map((argv) => [...argv]) },
    size: order.size,
    making: makingOf(installation),
    kernelVersion: installation.assets.kernelVersion,
    agentVersion: installation.assets.agentVersion,
    tscKhz: installation.platform.tscKhz,
    fingerprint,
  };
  await writeDurably(recordPath(template), JSON.stringify(record, null, 2));
}

/** Undefined where there is none, or none that can be read. */
export async function readTemplateRecord(template: Template): Promise<TemplateRecord | undefined> {
  try {
    return TemplateRecord.parse(JSON.parse(await readFile(recordPath(template), "utf8")));
  } catch {
    return undefined;
  }
}

export async function removeTemplateRecord(template: Template): Promise<void> {
  await rm(recordPath(template), { force: true });
}

/** How far a counter's rate may be from the one that a template was told: measuring it twice differs by less. */
const tscTolerance = 0.005;

/** A guest's clock runs by the rate that it was told when it booted. */
export function clockFits({ tscKhz }: { readonly tscKhz?: number | undefined }, here: number | undefined): boolean {
  if (tscKhz === undefined || here === undefined) return true;
  return Math.abs(tscKhz / here - 1) <= tscTolerance;
}

export async function fingerprintTemplate(template: Template, signal?: AbortSignal): Promise<Fingerprint> {
  return {
    memory: await fingerprintFile(template.memory, signal),
    state: await fingerprintFile(template.state, signal),
    disk: await fingerprintFile(template.disk, signal),
  };
}

const blockBytes = 256 * 1024;

/** Over the blocks that are not zero, each with its place: holes cost nothing, and are worth as much as written zeros. */
export async function fingerprintFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256").update(`${(await stat(path)).size}\n`);
  for await (const { at, block } of dataBlocks(path, blockBytes, signal)) hash.update(`${at}\n`).update(block);
  return `sha256:${hash.digest("hex")}`;
}
