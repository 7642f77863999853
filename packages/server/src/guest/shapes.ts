/** The shapes of the agent's answers, with bounds on every part. */
import { z } from "zod";
import type { ExecStatus } from "./guest.js";

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const figure = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const terminalSide = z.number().int().min(1).max(4_096);
const decimal = z.string().regex(/^\d{1,20}$/);
const path = z.string().max(8_192);

export const Nothing = z.object({});

export const HealthAnswer = z.object({
  version: z.string().max(64),
  generation: count,
  bootId: z.string().max(64),
  uptimeMs: figure,
});

export const RenewAnswer = z.object({ generation: count });
export const FreezeAnswer = z.object({ frozen: z.boolean() });

export const StatsAnswer = z.object({
  cpuUsageUsec: figure,
  memoryUsedBytes: figure,
  memoryTotalBytes: figure,
  diskUsedBytes: figure,
  diskTotalBytes: figure,
  processCount: figure,
  loadAverage1m: figure,
  uptimeMs: figure,
  unixNanos: decimal,
});

export const ProcessesAnswer = z.object({
  processes: z
    .array(
      z.object({
        pid: count,
        parentPid: count,
        user: z.string().max(256),
        state: z.string().max(32),
        command: z.string().max(4_096),
        startedAtUnixMs: figure,
        cpuUsec: figure,
        residentBytes: figure,
        execId: z.string().max(36).optional(),
      }),
    )
    .max(4_096),
});

export const StatusAnswer: z.ZodType<ExecStatus> = z.object({
  id: z.string().max(36),
  argv: z.array(z.string().max(131_072)).max(4_200),
  pid: count,
  state: z.enum(["Running", "Exited"]),
  exitCode: z.number().int().min(0).max(255).exactOptional(),
  signal: z.string().max(16).exactOptional(),
  timedOut: z.boolean(),
  startedAtUnixMs: figure,
  endedAtUnixMs: figure.exactOptional(),
  stdoutBytes: count,
  stderrBytes: count,
  droppedBytes: count,
  stderrDroppedBytes: count,
  stdinOpen: z.boolean(),
  durationMs: figure,
  terminal: z.object({ rows: terminalSide, columns: terminalSide }).exactOptional(),
});

export const ExecsAnswer = z.object({ execs: z.array(StatusAnswer).max(4_096) });
export const WrittenAnswer = z.object({ bytesWritten: count });
export const UnpackedAnswer = z.object({ entries: count });

export const LayerAnswer = z.object({ entries: count, bytes: count });
export const DiskAnswer = z.object({ files: count, bytes: count });

export const EntryAnswer = z.object({
  name: path,
  path,
  size: count,
  mode: z.number().int().min(0).max(0o7777),
  isDir: z.boolean(),
  isSymlink: z.boolean(),
  symlinkTarget: path.optional(),
  modifiedTime: z.number().min(-Number.MAX_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER),
  uid: count,
  gid: count,
});

export const ListAnswer = z.object({ path, entries: z.array(EntryAnswer).max(10_000), truncated: z.boolean() });

const isDir = z.boolean().default(false);
export const EventAnswer = z.discriminatedUnion("type", [
  z.object({ type: z.enum(["created", "modified", "deleted"]), path, isDir }),
  z.object({ type: z.literal("moved"), path, from: path, isDir }),
  z.object({ type: z.literal("overflow") }),
]);
