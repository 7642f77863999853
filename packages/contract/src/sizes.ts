/**
 * Sizes are a grid. A request is rounded up to the next point, and the answer says what was given.
 * Tiers XS–XL are ACA's; between and beyond them memory and disk come in fixed steps.
 */
import * as z from "zod";

export interface Size {
  readonly cpuMillicores: number;
  readonly memoryMiB: number;
  readonly diskMiB: number;
}

export const tiers = {
  XS: { cpuMillicores: 250, memoryMiB: 512, diskMiB: 20_480 },
  S: { cpuMillicores: 500, memoryMiB: 1_024, diskMiB: 20_480 },
  M: { cpuMillicores: 1_000, memoryMiB: 2_048, diskMiB: 20_480 },
  L: { cpuMillicores: 2_000, memoryMiB: 4_096, diskMiB: 40_960 },
  XL: { cpuMillicores: 4_000, memoryMiB: 8_192, diskMiB: 81_920 },
} as const satisfies Record<string, Size>;

export type Tier = keyof typeof tiers;

/** The points of the grid, smallest first. */
export const grid = {
  cpuMillicores: [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000],
  memoryMiB: [256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768],
  diskMiB: [20_480, 40_960, 81_920, 163_840],
} as const;

export const defaultSize: Size = tiers.M;

/** `"500m"`, `"0.5"`, `"2"`: Kubernetes quantities of cores. */
export const CpuQuantity = z
  .string()
  .regex(/^(?:\d{1,6}m|\d{1,3}(?:\.\d{1,3})?)$/, "must be cores such as 2, 0.5 or 500m")
  .refine((text) => parseCpu(text) > 0, "must be more than 0")
  .refine((text) => parseCpu(text) <= 16_000, "must be at most 16 cores")
  .meta({ id: "CpuQuantity" });

/** `"512Mi"`, `"2Gi"`: memory, at most 32Gi. */
export const MemoryQuantity = binaryQuantity("32Gi").meta({ id: "MemoryQuantity" });

/** `"20Gi"`: disk, at most 160Gi. */
export const DiskQuantity = binaryQuantity("160Gi").meta({ id: "DiskQuantity" });

/** Memory or disk of many sandboxes together: "64Gi", "2Ti"; 0Gi is none. */
export const TotalQuantity = z
  .string()
  .regex(/^\d{1,9}(?:\.\d{1,3})?(?:Mi|Gi|Ti)$/, "must be a size such as 512Mi, 64Gi or 2Ti")
  .refine((text) => parseMiB(text) <= mostTotalMiB, "must be at most 1048576Gi")
  .meta({ id: "TotalQuantity" });

const mostTotalMiB = 1_073_741_824;

const tierNames = Object.keys(tiers) as [Tier, ...Tier[]];
const TierName = z.enum(tierNames).meta({ id: "Tier" });

/** A tier, or cores, memory and disk; each is rounded up to the grid. */
export const Resources = z
  .strictObject({
    tier: TierName.optional(),
    cpu: CpuQuantity.optional(),
    memory: MemoryQuantity.optional(),
    disk: DiskQuantity.optional(),
  })
  .refine(
    ({ tier, ...sizes }) => tier === undefined || Object.values(sizes).every((size) => size === undefined),
    "must have a tier, or cpu, memory and disk, not both",
  )
  .meta({ id: "Resources" });
export type Resources = z.infer<typeof Resources>;

/** What was asked for, in the grid's units, before it is rounded. */
export function sizeOf({ tier, cpu, memory, disk }: Resources): Partial<Size> {
  if (tier !== undefined) return tiers[tier];
  return {
    ...(cpu === undefined ? {} : { cpuMillicores: parseCpu(cpu) }),
    ...(memory === undefined ? {} : { memoryMiB: parseMiB(memory) }),
    ...(disk === undefined ? {} : { diskMiB: parseMiB(disk) }),
  };
}

export function parseCpu(text: string): number {
  return text.endsWith("m") ? Number(text.slice(0, -1)) : Math.round(Number(text) * 1_000);
}

export function parseMiB(text: string): number {
  const factor = { Ti: 1_048_576, Gi: 1_024 }[text.slice(-2)] ?? 1;
  return Math.ceil(Number(text.slice(0, -2)) * factor);
}

/** The smallest point of the grid that holds the request. */
export function roundUp(wanted: Partial<Size>): Size {
  return {
    cpuMillicores: nextPoint(grid.cpuMillicores, wanted.cpuMillicores ?? defaultSize.cpuMillicores),
    memoryMiB: nextPoint(grid.memoryMiB, wanted.memoryMiB ?? defaultSize.memoryMiB),
    diskMiB: nextPoint(grid.diskMiB, wanted.diskMiB ?? defaultSize.diskMiB),
  };
}

function nextPoint(points: readonly number[], wanted: number): number {
  const point = points.find((candidate) => candidate >= wanted);
  if (point === undefined) throw new RangeError(`${wanted} is beyond the grid's last point, ${points.at(-1)}`);
  return point;
}

function binaryQuantity(maximum: string) {
  return z
    .string()
    .regex(/^\d{1,7}(?:\.\d{1,3})?(?:Mi|Gi)$/, "must be a size such as 512Mi or 2Gi")
    .refine((text) => parseMiB(text) > 0, "must be more than 0")
    .refine((text) => parseMiB(text) <= parseMiB(maximum), `must be at most ${maximum}`);
}
