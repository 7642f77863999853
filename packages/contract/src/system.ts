/** The daemon itself: health and version. Neither needs a group. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";

const Nothing = z.strictObject({});

export const Health = z
  .object({
    status: z.enum(["ok", "degraded"]),
    /** Sentences: what is wrong, empty when ok. */
    problems: z.array(z.string()),
    engine: z.string(),
    /** How the engine runs machines: kvm, tcg (software emulation), in-process. */
    accelerator: z.string(),
    /** Of the caller's groups; an administrator hears of all. */
    sandboxes: z.object({ running: z.number().int(), total: z.number().int(), creating: z.number().int() }),
    uptimeMs: z.number(),
    /** From here on what only an administrator is told. */
    memory: z.object({ hostAvailableMiB: z.number(), committedMiB: z.number() }).optional(),
    diskFreeBytes: z.number().optional(),
    daemonResidentBytes: z.number().optional(),
    /** Where it listens beside its UNIX socket; the fingerprint is the SHA-256 of its certificate. */
    tcp: z.object({ url: z.string(), fingerprint: z.string().optional() }).optional(),
  })
  .meta({ id: "Health" });
export type Health = z.infer<typeof Health>;

export const Version = z
  .object({
    apiVersion: z.literal("v1"),
    version: z.string().exactOptional().describe("For those who have said who they are"),
    node: z.string().exactOptional().describe("Of Node.js; for administrators"),
    pid: z.number().int().exactOptional().describe("Of the daemon's process; for administrators"),
  })
  .meta({ id: "Version" });
export type Version = z.infer<typeof Version>;

/** What the daemon's host has and lacks. */
export const Doctor = z
  .object({
    findings: z.array(
      z.object({
        /** Stable name of what was looked at: kvm, qemu, kernel, disk, cgroups, namespaces, … */
        check: z.string(),
        level: z.enum(["ok", "warning", "error"]),
        sentence: z.string(),
        /** A command that mends it. */
        remedy: z.string().optional(),
      }),
    ),
  })
  .meta({ id: "Doctor" });
export type Doctor = z.infer<typeof Doctor>;

const Amounts = z.object({ cpu: z.string(), memory: z.string(), disk: z.string() });

/** The sizes that sandboxes come in: whatever is asked for is rounded up to the next points of the grid. */
export const Sizes = z
  .object({
    /** By name: XS to XL. */
    tiers: z.record(z.string(), Amounts),
    /** What a sandbox gets when neither it nor its group says anything. */
    default: z.string(),
    /** Every point, smallest first. */
    grid: z.object({ cpu: z.array(z.string()), memory: z.array(z.string()), disk: z.array(z.string()) }),
  })
  .meta({ id: "Sizes" });
export type Sizes = z.infer<typeof Sizes>;

export const getSizes = endpoint({
  id: "getSizes",
  method: "GET",
  path: "/v1/sizes",
  access: "caller",
  summary: "The sizes that sandboxes come in",
  params: Nothing,
  query: Nothing,
  body: "none",
  result: Sizes,
});

export const getDoctor = endpoint({
  id: "getDoctor",
  method: "GET",
  path: "/v1/doctor",
  access: "admin",
  summary: "What this host has and lacks for running sandboxes",
  params: Nothing,
  query: Nothing,
  body: "none",
  result: Doctor,
});

export const getHealth = endpoint({
  id: "getHealth",
  method: "GET",
  path: "/v1/health",
  access: "caller",
  summary: "How the daemon is",
  params: Nothing,
  query: Nothing,
  body: "none",
  result: Health,
});

export const getVersion = endpoint({
  id: "getVersion",
  method: "GET",
  path: "/v1/version",
  access: "anyone",
  summary: "What runs here",
  params: Nothing,
  query: Nothing,
  body: "none",
  result: Version,
});

export const backUpServer = endpoint({
  id: "backUpServer",
  method: "GET",
  path: "/v1/server/backup",
  access: "admin",
  summary: "Everything on record, as a tar archive to restore from",
  description:
    "A consistent copy of the database with a manifest and checksums. What is in sandboxes and images is no part of it. It holds the environment of sandboxes: keep it as you keep secrets.",
  params: Nothing,
  query: Nothing,
  body: "none",
  result: "bytes",
  resultTypes: ["application/x-tar"],
  errors: ["DiskFull"],
});
