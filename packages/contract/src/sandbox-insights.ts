/** What is seen of a sandbox without waking it: what it uses, its processes, its console. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { wholeNumber } from "./names.js";
import { SandboxState } from "./sandbox-state.js";
import { NoQuery, SandboxParams } from "./sandboxes.js";

/** What a sandbox says of itself: do not bill by it. */
export const GuestStats = z.object({
  /** Of all its processors together, since it booted; what a suspended one had used goes on counting. */
  cpuUsageUsec: z.number(),
  memoryUsedBytes: z.number(),
  memoryTotalBytes: z.number(),
  diskUsedBytes: z.number(),
  diskTotalBytes: z.number(),
  processCount: z.number(),
  loadAverage1m: z.number(),
  uptimeMs: z.number(),
  /** The guest's clock, nanoseconds since 1970, decimal. */
  unixNanos: z.string(),
});
export type GuestStats = z.infer<typeof GuestStats>;

export const NetworkStats = z
  .object({
    /** By its programs: what they wrote to connections, and their questions for names. */
    sentBytes: z.number().int(),
    receivedBytes: z.number().int(),
    /** That its programs opened, allowed or not. */
    connections: z.number().int(),
    /** From when on this was counted: the sandbox's start, or the daemon's where that is later. */
    since: z.iso.datetime(),
  })
  .meta({ id: "NetworkStats" });
export type NetworkStats = z.infer<typeof NetworkStats>;

export const SandboxStats = z
  .object({
    state: SandboxState,
    /** When the sandbox's own figures were read: now, or, of one that does not run, when somebody last looked. Nobody did: they are left out. */
    readAt: z.iso.datetime().optional(),
    ...GuestStats.partial().shape,
    /** Counted outside of the sandbox, by the gateway. */
    network: NetworkStats,
  })
  .meta({ id: "SandboxStats" });
export type SandboxStats = z.infer<typeof SandboxStats>;

export const SandboxProcess = z
  .object({
    pid: z.number().int(),
    parentPid: z.number().int(),
    user: z.string(),
    state: z.string(),
    command: z.string(),
    startedAtUnixMs: z.number(),
    cpuUsec: z.number(),
    residentBytes: z.number(),
    execId: z.string().optional(),
  })
  .meta({ id: "SandboxProcess" });
export type SandboxProcess = z.infer<typeof SandboxProcess>;

export const ProcessList = z
  .object({
    state: SandboxState,
    /** As of the figures of SandboxStats. */
    readAt: z.iso.datetime().optional(),
    /** Of a sandbox that does not run, those that somebody last saw. */
    processes: z.array(SandboxProcess),
  })
  .meta({ id: "ProcessList" });
export type ProcessList = z.infer<typeof ProcessList>;

/** Default 2 s. */
const IntervalQuery = z.strictObject({ intervalMs: wholeNumber(250, 3_600_000).exactOptional() });

const streamed =
  "An object a line (application/x-ndjson), with an empty line every 15 s: one at once, then one each interval while the sandbox runs, and one when its state changes. It wakes nothing, keeps nothing awake, and ends when the sandbox is gone.";

export const getSandboxStats = endpoint({
  id: "getSandboxStats",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/stats",
  access: "reader",
  summary: "Read what a sandbox uses",
  description: "Of one that does not run, what is known. Looking wakes nothing, and keeps nothing awake.",
  params: SandboxParams,
  query: NoQuery,
  body: "none",
  result: SandboxStats,
  errors: ["SandboxNotFound", "EngineUnavailable", "GuestUnresponsive"],
});

export const streamSandboxStats = endpoint({
  id: "streamSandboxStats",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/stats/stream",
  access: "reader",
  summary: "Follow what a sandbox uses",
  description: streamed,
  params: SandboxParams,
  query: IntervalQuery,
  body: "none",
  result: "bytes",
  resultTypes: ["application/x-ndjson"],
  errors: ["SandboxNotFound", "EngineUnavailable", "GuestUnresponsive"],
});

export const listProcesses = endpoint({
  id: "listProcesses",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/processes",
  access: "user",
  summary: "List a sandbox's processes",
  description:
    "Of one that does not run, those that somebody last saw. Looking wakes nothing, and keeps nothing awake.",
  params: SandboxParams,
  query: NoQuery,
  body: "none",
  result: ProcessList,
  errors: ["SandboxNotFound", "EngineUnavailable", "GuestUnresponsive"],
});

export const streamProcesses = endpoint({
  id: "streamProcesses",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/processes/stream",
  access: "user",
  summary: "Follow a sandbox's processes",
  description: streamed,
  params: SandboxParams,
  query: IntervalQuery,
  body: "none",
  result: "bytes",
  resultTypes: ["application/x-ndjson"],
  errors: ["SandboxNotFound", "EngineUnavailable", "GuestUnresponsive"],
});

export const getConsole = endpoint({
  id: "getConsole",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/console",
  access: "user",
  summary: "Read the end of the guest's console",
  description: "At most the last 64 KiB. The guest writes it: do not trust it.",
  params: SandboxParams,
  query: NoQuery,
  body: "none",
  result: "bytes",
  errors: ["SandboxNotFound", "SandboxNotRunning"],
});
