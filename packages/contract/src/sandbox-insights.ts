/** What is seen of a sandbox that runs: what it uses, its processes, its console. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { NoQuery, SandboxParams, wakeErrors } from "./sandboxes.js";

export const SandboxStats = z
  .object({
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

export const getSandboxStats = endpoint({
  id: "getSandboxStats",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/stats",
  access: "reader",
  summary: "Read what a sandbox uses",
  params: SandboxParams,
  query: NoQuery,
  body: "none",
  result: SandboxStats,
  errors: ["SandboxNotFound", "SandboxNotRunning", "GuestUnresponsive"],
});

export const listProcesses = endpoint({
  id: "listProcesses",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/processes",
  access: "user",
  summary: "List a sandbox's processes",
  params: SandboxParams,
  query: NoQuery,
  body: "none",
  result: z.object({ processes: z.array(SandboxProcess) }),
  errors: ["SandboxNotFound", ...wakeErrors, "GuestUnresponsive"],
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
