/** When a sandbox is deleted by its policy. Times are milliseconds since 1970. */
import type { LifecyclePolicy } from "@alcove/contract";

export interface Lifetime {
  readonly createdAt: number;
  /** Where it is stopped. */
  readonly stoppedAt: number | undefined;
}

export interface Expiry {
  readonly at: number;
  /** Completes "It is deleted …", for the log. */
  readonly because: string;
}

/** The first of what its policy names; undefined while nothing of it counts. */
export function expiryOf(policy: LifecyclePolicy, lifetime: Lifetime): Expiry | undefined {
  const { maximumLifetimeInSeconds: longest } = policy;
  const expiries = [
    ...(longest === undefined ? [] : [after(lifetime.createdAt, longest, "its creation, its maximum lifetime")]),
    ...automatic(policy.autoDeletePolicy, lifetime),
  ];
  return expiries.sort((one, other) => one.at - other.at)[0];
}

function automatic(policy: LifecyclePolicy["autoDeletePolicy"], { createdAt, stoppedAt }: Lifetime): Expiry[] {
  if (!policy?.enabled) return [];
  const seconds = policy.deleteIntervalInSeconds ?? (policy.deleteIntervalInDays ?? 1) * 86_400;
  if (policy.trigger === "AfterCreation") return [after(createdAt, seconds, "its creation")];
  return stoppedAt === undefined ? [] : [after(stoppedAt, seconds, "it was stopped")];
}

function after(from: number, seconds: number, what: string): Expiry {
  return { at: from + seconds * 1_000, because: `${seconds} s after ${what}` };
}

/** A clock that was set by more than this proves nothing for a while: what it says is over may not be. */
const jumpMs = 60_000;
const doubtMs = 600_000;

export interface ClockReading {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** Until when, by the monotonic clock, the time of day deletes nothing: it was set meanwhile, perhaps by mistake. */
export function doubtedUntil(before: ClockReading, now: ClockReading, doubted: number): number {
  const set = now.wallMs - before.wallMs - (now.monotonicMs - before.monotonicMs);
  return Math.abs(set) > jumpMs ? now.monotonicMs + doubtMs : doubted;
}
