import {
  grid,
  type Health,
  type SandboxState,
  type Size,
  type Sizes,
  type Storage,
  tiers,
  type Version,
} from "@alcove/contract";
import type { Finding } from "../../engines/engine.js";
import type { Caller } from "../../policy/access.js";
import type { ControlContext } from "../context.js";
import { backup } from "./backup.js";
import { diskProblem } from "./disk-space.js";
import type { EngineReadiness } from "./engine-readiness.js";
import type { TcpFacts } from "./host-facts.js";
import { pruneSystem } from "./prune.js";
import type { SystemControl } from "./system-control.js";

interface Sources {
  readonly readiness: EngineReadiness;
  readonly version: string;
  readonly tcp: () => TcpFacts | undefined;
}

/** These answer at any time: while sandboxes are taken up, and without an engine that works. */
export function systemControl(context: ControlContext, sources: Sources): SystemControl {
  const { readiness, version, tcp } = sources;
  return {
    health: (viewer) => (viewer.isAdmin ? health(context, sources) : healthOfGroups(context, sources, viewer)),
    version: (viewer): Version => ({
      apiVersion: "v1",
      ...(viewer && { version }),
      ...(viewer?.isAdmin && { node: process.version, pid: process.pid }),
    }),
    sizes,
    storage: (signal) => storage(context, signal),
    async prune(which, signal) {
      await context.gate.pass();
      await readiness.require(signal);
      return pruneSystem(context, which, signal);
    },
    backup: () => backup(context, version),
    async doctor(signal) {
      const [probe, own] = await Promise.all([readiness.examine(signal), ownFindings(context)]);
      return { findings: [...probe.findings, ...own, ...tcpFindings(tcp())].map((finding) => ({ ...finding })) };
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

async function storage({ engine, images, host, freeSpaceMarkBytes }: ControlContext, signal: AbortSignal) {
  const [ofImages, ofEngine, disk] = await Promise.all([images.diskUse(), engine.diskUse?.(signal), host.disk()]);
  const kinds: Storage["kinds"] = [{ kind: "images", ...ofImages }, ...(ofEngine ?? [])];
  return { kinds, ...disk, freeMarkBytes: freeSpaceMarkBytes };
}

async function health(context: ControlContext, { readiness, tcp }: Sources): Promise<Health> {
  const { admission, engine, host, store } = context;
  const problems = [readiness.problem, await diskProblem(context)].filter((problem) => problem !== undefined);
  const states = store.sandboxes.countByState();
  const total = Object.values(states).reduce((sum, count) => sum + count, 0);
  const { url, fingerprint } = tcp() ?? {};
  return {
    status: problems.length === 0 ? "ok" : "degraded",
    problems,
    engine: engine.name,
    accelerator: engine.accelerator,
    sandboxes: { running: states.Running ?? 0, creating: states.Creating ?? 0, total },
    memory: { hostAvailableMiB: host.availableMemoryMiB(), committedMiB: admission.committedMiB },
    diskFreeBytes: (await host.disk()).freeBytes,
    daemonResidentBytes: process.memoryUsage.rss(),
    uptimeMs: uptimeMs(),
    ...(url === undefined ? {} : { tcp: { url, ...(fingerprint === undefined ? {} : { fingerprint }) } }),
  };
}

/** Of the caller's own groups, and nothing that others' doings can be read from. */
async function healthOfGroups(context: ControlContext, { readiness }: Sources, viewer: Caller): Promise<Health> {
  const { engine, store } = context;
  const count = (state?: SandboxState) =>
    [...viewer.roles.keys()]
      .map((group) => store.sandboxes.count({ group, ...(state && { state }) }))
      .reduce((sum, one) => sum + one, 0);
  const isWell = readiness.problem === undefined && (await diskProblem(context)) === undefined;
  return {
    status: isWell ? "ok" : "degraded",
    problems: isWell ? [] : ["The server has a problem; its administrator can see which."],
    engine: engine.name,
    accelerator: engine.accelerator,
    sandboxes: { running: count("Running"), creating: count("Creating"), total: count() },
    uptimeMs: uptimeMs(),
  };
}

function uptimeMs(): number {
  return Math.round(process.uptime() * 1_000);
}

function tcpFindings(tcp: TcpFacts | undefined): Finding[] {
  if (tcp === undefined) return [];
  const { url, fingerprint, isSelfMade } = tcp;
  const made = isSelfMade ? "a certificate of its own making" : "the given certificate";
  const how = fingerprint === undefined ? "in the clear, on this host alone" : `with ${made}, SHA-256 ${fingerprint}`;
  return [{ check: "tcp", level: "ok", sentence: `The daemon listens on ${url}, ${how}.` }];
}

/** The engine has looked at everything it needs; this is about what control itself decides by. */
async function ownFindings(context: ControlContext): Promise<Finding[]> {
  const problem = await diskProblem(context);
  const remedy = "Delete sandboxes with `alcove delete`, or free space on the disk of the data directory.";
  const space = problem && ({ check: "freeSpace", level: "error", sentence: problem, remedy } as const);
  return space ? [space] : [];
}
