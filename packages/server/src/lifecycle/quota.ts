/** Whether a group may have more: its quota, what it uses, what it asks for. */
import { parseMiB, type Quota } from "@alcove/contract";

export interface Amounts {
  readonly cpuMillicores: number;
  readonly memoryMiB: number;
  readonly diskMiB: number;
  readonly sandboxes: number;
  readonly images: number;
  readonly snapshots: number;
}

export interface Excess {
  /** Of the quota: cores, memory, disk, sandboxes, images or snapshots. */
  readonly measure: keyof Quota;
  /** What is used, what is asked for, and the limit. */
  readonly sentence: string;
}

interface Measure {
  readonly name: keyof Quota;
  readonly limit: (quota: Quota) => number | undefined;
  readonly of: (amounts: Partial<Amounts>) => number | undefined;
  readonly shown: (amount: number) => string;
}

const measures: readonly Measure[] = [
  {
    name: "cores",
    limit: ({ cores }) => cores && Math.round(cores * 1_000),
    of: ({ cpuMillicores }) => cpuMillicores,
    shown: (millicores) => String(millicores / 1_000),
  },
  {
    name: "memory",
    limit: ({ memory }) => (memory === undefined ? undefined : parseMiB(memory)),
    of: ({ memoryMiB }) => memoryMiB,
    shown: binary,
  },
  {
    name: "disk",
    limit: ({ disk }) => (disk === undefined ? undefined : parseMiB(disk)),
    of: ({ diskMiB }) => diskMiB,
    shown: binary,
  },
  { name: "sandboxes", limit: (quota) => quota.sandboxes, of: ({ sandboxes }) => sandboxes, shown: String },
  { name: "images", limit: (quota) => quota.images, of: ({ images }) => images, shown: String },
  { name: "snapshots", limit: (quota) => quota.snapshots, of: ({ snapshots }) => snapshots, shown: String },
];

/** The first measure that would be exceeded; undefined when the group may have what it asks for. What is not asked for is not looked at. */
export function exceeds(quota: Quota, used: Partial<Amounts>, asked: Partial<Amounts>): Excess | undefined {
  for (const { name, limit, of, shown } of measures) {
    const [most, more, present] = [limit(quota), of(asked) ?? 0, of(used) ?? 0];
    if (most === undefined || more === 0 || present + more <= most) continue;
    const sentence = `${name}: ${shown(present)} used, ${shown(more)} asked for, and the limit is ${shown(most)}`;
    return { measure: name, sentence };
  }
  return undefined;
}

function binary(mebibytes: number): string {
  return mebibytes % 1_024 === 0 ? `${mebibytes / 1_024}Gi` : `${mebibytes}Mi`;
}
