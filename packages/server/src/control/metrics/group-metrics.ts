import { parseMiB, type Quota } from "@alcove/contract";
import { Gauge, type Registry } from "prom-client";
import type { GroupRecord } from "../../store/groups.js";
import type { ControlContext } from "../context.js";

/** Groups that have lines of their own, by name. */
const maximumGroups = 1_000;
const bytesPerMiB = 1_048_576;

interface Measure {
  readonly name: string;
  readonly what: string;
  readonly used: (group: GroupRecord["used"]) => number;
  readonly quota: (quota: Quota) => number | undefined;
}

const bytes = (text: string | undefined) => (text === undefined ? undefined : parseMiB(text) * bytesPerMiB);

const measures: readonly Measure[] = [
  { name: "cpu_cores", what: "cores", used: ({ cpuMillicores }) => cpuMillicores / 1_000, quota: ({ cores }) => cores },
  {
    ...{ name: "memory_bytes", what: "memory" },
    ...{ used: ({ memoryMiB }) => memoryMiB * bytesPerMiB, quota: ({ memory }) => bytes(memory) },
  },
  {
    ...{ name: "disk_bytes", what: "disk" },
    ...{ used: ({ diskMiB }) => diskMiB * bytesPerMiB, quota: ({ disk }) => bytes(disk) },
  },
  {
    name: "sandboxes",
    what: "sandboxes on record",
    used: ({ sandboxes }) => sandboxes,
    quota: ({ sandboxes }) => sandboxes,
  },
];

/** Each group's use and quota; a quota without a limit has no line. */
export function addGroupMetrics(registry: Registry, { store }: ControlContext): void {
  const groups = () => store.groups.list({}, { limit: maximumGroups, offset: 0 });
  for (const { name, what, used, quota } of measures) {
    const common = { labelNames: ["group"], registers: [registry] };
    new Gauge({
      ...common,
      ...{ name: `alcove_group_${name}`, help: `What a group has of ${what} now` },
      collect() {
        this.reset();
        for (const group of groups()) this.set({ group: group.name }, used(group.used));
      },
    });
    new Gauge({
      ...common,
      ...{ name: `alcove_group_quota_${name}`, help: `What a group may have of ${what}` },
      collect() {
        this.reset();
        for (const group of groups()) {
          const limit = quota(group.quota);
          if (limit !== undefined) this.set({ group: group.name }, limit);
        }
      },
    });
  }
}
