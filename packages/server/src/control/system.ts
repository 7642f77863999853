import { grid, type Health, type Size, type Sizes, tiers, type Version } from "@alcove/contract";
import type { Finding } from "../engines/engine.js";
import type { ControlContext } from "./context.js";
import type { SystemControl } from "./control.js";
import { diskProblem } from "./disk-space.js";
import type { EngineReadiness } from "./engine-readiness.js";

/** These answer at any time: while sandboxes are taken up, and without an engine that works. */
export function systemControl(context: ControlContext, readiness: EngineReadiness, version: string): SystemControl {
  return {
    health: () => health(context, readiness),
    version: (): Version => ({ version, apiVersion: "v1", node: process.version, pid: process.pid }),
    sizes,
    async doctor(signal) {
      const [probe, own] = await Promise.all([readiness.examine(signal), ownFindings(context)]);
      return { findings: [...probe.findings, ...own].map((finding) => ({ ...finding })) };
    },
  };
}

function sizes(): Sizes {
  const shown = ({ cpuMillicores, memoryMiB, diskMiB }: Size) => ({
    cpu: `${cpuMillicores}m`,
    memory: `${memoryMiB}Mi`,
    disk: `${diskMiB}Mi`,
  });
  return {
    tiers: Object.fromEntries(Object.entries(tiers).map(([name, size]) => [name, shown(size)])),
    default: "M",
    grid: {
      cpu: grid.cpuMillicores.map((millicores) => `${millicores}m`),
      memory: grid.memoryMiB.map((mebibytes) => `${mebibytes}Mi`),
      disk: grid.diskMiB.map((mebibytes) => `${mebibytes}Mi`),
    },
  };
}

async function health(context: ControlContext, readiness: EngineReadiness): Promise<Health> {
  const { admission, engine, host, store } = context;
  const problems = [readiness.problem, await diskProblem(context)].filter((problem) => problem !== undefined);
  const states = store.sandboxes.countByState();
  const total = Object.values(states).reduce((sum, count) => sum + count, 0);
  return {
    status: problems.length === 0 ? "ok" : "degraded",
    problems,
    engine: engine.name,
    accelerator: engine.accelerator,
    sandboxes: { running: states.Running ?? 0, creating: states.Creating ?? 0, total },
    memory: { hostAvailableMiB: host.availableMemoryMiB(), committedMiB: admission.committedMiB },
    diskFreeBytes: (await host.disk()).freeBytes,
    daemonResidentBytes: process.memoryUsage.rss(),
    uptimeMs: Math.round(process.uptime() * 1_000),
  };
}

/** The engine has looked at everything it needs; this is about what control itself decides by. */
async function ownFindings(context: ControlContext): Promise<Finding[]> {
  const problem = await diskProblem(context);
  const remedy = "Delete sandboxes with `alcove delete`, or free space on the disk of the data directory.";
  const space = problem && ({ check: "freeSpace", level: "error", sentence: problem, remedy } as const);
  return space ? [space] : [];
}
