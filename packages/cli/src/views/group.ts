import type { Group } from "@alcove/contract";
import { age } from "../output/table.js";
import { labelText, type View } from "../output/view.js";

export const groupView: View<Group> = {
  name: ({ name }) => name,
  columns: [
    { heading: "NAME", value: ({ name }) => name },
    { heading: "STATE", value: ({ state }) => state },
    { heading: "SANDBOXES", value: ({ used, quota }) => of(used.sandboxes, quota.sandboxes) },
    { heading: "CORES", value: ({ used, quota }) => of(used.cores, quota.cores) },
    { heading: "MEMORY", value: ({ used, quota }) => of(inGi(used.memory), quota.memory) },
    { heading: "DISK", value: ({ used, quota }) => of(inGi(used.disk), quota.disk) },
    { heading: "IMAGES", value: ({ used, quota }) => of(used.images, quota.images) },
    { heading: "SNAPSHOTS", value: ({ used, quota }) => of(used.snapshots, quota.snapshots) },
    { heading: "AGE", value: ({ createdAt }) => age(createdAt, Date.now()) },
    { heading: "TAGS", value: ({ tags }) => labelText(tags) },
  ],
  details: [
    { heading: "IMAGE", value: ({ defaults }) => defaults.diskImage?.name },
    { heading: "SIZE", value: ({ defaults }) => defaults.resources && sizeText(defaults.resources) },
    { heading: "LIFECYCLE", value: ({ defaults }) => defaults.lifecycle && JSON.stringify(defaults.lifecycle) },
    { heading: "EGRESS", value: ({ defaults }) => defaults.egressPolicyId ?? egressText(defaults.egressPolicy) },
    { heading: "RETENTION", value: ({ snapshotRetention }) => retentionText(snapshotRetention) },
    { heading: "CREATED", value: ({ createdAt }) => createdAt },
  ],
};

/** `3 of 20`, or `3` where there is no limit. */
export function of(used: number | string, limit: number | string | undefined): string {
  return limit === undefined ? String(used) : `${used} of ${limit}`;
}

export function inGi(mebibytes: string): string {
  return `${Math.round((Number.parseInt(mebibytes, 10) / 1_024) * 100) / 100}Gi`;
}

function sizeText({ tier, cpu, memory, disk }: NonNullable<Group["defaults"]["resources"]>): string {
  return tier ?? [cpu && `${cpu} cores`, memory, disk && `disk ${disk}`].filter(Boolean).join(", ");
}

function egressText(policy: Group["defaults"]["egressPolicy"]): string | undefined {
  return policy && JSON.stringify(policy);
}

/** Undefined where every snapshot stays; an older server says nothing of it. */
function retentionText(retention: Group["snapshotRetention"] | undefined): string | undefined {
  const { keptPerSandbox, keptSeconds } = retention ?? {};
  const parts = [
    ...(keptPerSandbox === undefined ? [] : [`${keptPerSandbox} snapshots of each sandbox`]),
    ...(keptSeconds === undefined ? [] : [`for ${keptSeconds} s`]),
  ];
  return parts.length === 0 ? undefined : parts.join(", ");
}
