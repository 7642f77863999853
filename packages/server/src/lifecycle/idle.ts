/**
 * When a running sandbox will sleep, and what keeps it awake. All times are of a monotonic clock, so that setting the
 * host's time of day suspends nothing and keeps nothing awake.
 */
import type { AutoSuspendPolicy, AwakeReason, KeepAwake } from "@alcove/contract";

/** What its last use was; `daemon`: this daemon was started and does not know of earlier use. */
export type UseKind = "call" | "start" | "daemon" | "exec" | "entrypoint" | "cpu";

export interface Use {
  /** Under way now. */
  readonly calls: number;
  /** Streams that are open now. */
  readonly sessions: number;
  readonly last: { readonly atMs: number; readonly kind: UseKind };
}

/** What runs in it, as its agent says. */
export interface Programs {
  readonly execs: number;
  readonly entrypoint: boolean;
}

export interface Idleness {
  readonly keptAwakeBy: readonly AwakeReason[];
  /** 0 or less: it may sleep now. Undefined while something keeps it awake for an unknown time. */
  readonly sleepsInMs: number | undefined;
}

/** What the policy asks for; undefined where it suspends nothing. */
export function suspensionOf(policy: AutoSuspendPolicy | undefined) {
  if (!policy?.enabled || policy.mode === "None") return undefined;
  const { interval = 300, mode = "Memory", keepAwake = ["execs"] } = policy;
  return { intervalMs: interval * 1_000, mode, keepAwake };
}

export function idleness(
  policy: AutoSuspendPolicy | undefined,
  { use, programs, nowMs }: { readonly use: Use; readonly programs: Programs | undefined; readonly nowMs: number },
): Idleness {
  const suspension = suspensionOf(policy);
  if (suspension === undefined) {
    return { keptAwakeBy: [{ kind: "policy", message: "Its policy does not suspend it." }], sleepsInMs: undefined };
  }
  const holding = [...openUses(use), ...running(programs, suspension.keepAwake)];
  const sleepsInMs = use.last.atMs + suspension.intervalMs - nowMs;
  const recent = sleepsInMs > 0 ? [recentUse(use.last, nowMs, suspension.intervalMs)] : [];
  return {
    keptAwakeBy: [...holding, ...recent],
    sleepsInMs: holding.length > 0 ? undefined : sleepsInMs,
  };
}

function openUses({ calls, sessions }: Use): AwakeReason[] {
  return [
    ...(calls > 0 ? [{ kind: "call" as const, message: counted(calls, "call is", "calls are", "under way") }] : []),
    ...(sessions > 0
      ? [{ kind: "session" as const, message: counted(sessions, "stream is", "streams are", "open") }]
      : []),
  ];
}

function running(programs: Programs | undefined, keepAwake: readonly KeepAwake[]): AwakeReason[] {
  const { execs = 0, entrypoint = false } = programs ?? {};
  return [
    ...(execs > 0 && keepAwake.includes("execs")
      ? [{ kind: "exec" as const, message: counted(execs, "command runs", "commands run", "in it") }]
      : []),
    ...(entrypoint && keepAwake.includes("entrypoint")
      ? [{ kind: "entrypoint" as const, message: "The program that was started with it runs." }]
      : []),
  ];
}

const pasts: Readonly<Record<UseKind, string>> = {
  call: "It was used",
  start: "It was started",
  daemon: "The daemon was started",
  exec: "A command ran in it",
  entrypoint: "The program that was started with it ran",
  cpu: "Its processors were busy",
};

function recentUse(last: Use["last"], nowMs: number, intervalMs: number): AwakeReason {
  const kind = last.kind === "cpu" ? "cpu" : "recentUse";
  const age = Math.max(0, Math.floor((nowMs - last.atMs) / 1_000));
  return { kind, message: `${pasts[last.kind]} ${age} s ago; its policy waits ${intervalMs / 1_000} s.` };
}

function counted(count: number, one: string, many: string, rest: string): string {
  return `${count} ${count === 1 ? one : many} ${rest}.`;
}

/** Of one core, on average: more than an idle guest's own work, less than a program that computes. */
const busyShare = 0.05;

/** How long processors are watched before the time to sleep. */
export function cpuWindowMs(intervalMs: number): number {
  return Math.min(30_000, intervalMs / 2);
}

export interface CpuSample {
  readonly atMs: number;
  readonly usageUsec: number;
}

/** A counter that went back, as a guest may claim, is taken for a busy one. */
export function isBusy(before: CpuSample, now: CpuSample): boolean {
  const usedMs = (now.usageUsec - before.usageUsec) / 1_000;
  return usedMs < 0 || usedMs >= (now.atMs - before.atMs) * busyShare;
}
