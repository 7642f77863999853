/** Whether running sandboxes are idle: what the daemon counts of their use, and what their guests say when it comes to it. */
import type { Activity } from "@alcove/contract";
import {
  type CpuSample,
  cpuWindowMs,
  type Idleness,
  idleness,
  isBusy,
  type Programs,
  suspensionOf,
  type UseKind,
} from "../../lifecycle/idle.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import { cpuSampleOf, programsOf } from "./guest-work.js";
import type { KeeperOptions } from "./policy-keeper.js";

/** How long a guest may take to say what it does: when that decides, and when somebody only reads it. */
const deadlineMs = { deciding: 5_000, reading: 1_000 } as const;

export class IdleWatch {
  readonly #options: Pick<KeeperOptions, "context" | "alarm" | "wall">;
  readonly #samples = new Map<string, CpuSample>();

  constructor(options: Pick<KeeperOptions, "context" | "alarm" | "wall">) {
    this.#options = options;
  }

  /** In how many milliseconds it may be idle; undefined where nothing suspends it. */
  nextLookMs(record: SandboxRecord): number | undefined {
    const suspension = suspensionOf(record.lifecycle.autoSuspendPolicy);
    if (suspension === undefined) return undefined;
    // Whatever is under way now, it will be unused for the whole interval after that.
    const sleepsInMs = this.#idleness(record).sleepsInMs ?? suspension.intervalMs;
    if (!suspension.keepAwake.includes("cpu")) return sleepsInMs;
    const windowMs = cpuWindowMs(suspension.intervalMs);
    const sample = this.#samples.get(record.id);
    const now = this.#now();
    if (sample === undefined || sample.atMs + 2 * windowMs < now + sleepsInMs) return sleepsInMs - windowMs;
    return Math.max(sleepsInMs, sample.atMs + windowMs - now);
  }

  /** Asks the guest too. */
  async isIdle(record: SandboxRecord): Promise<boolean> {
    const suspension = suspensionOf(record.lifecycle.autoSuspendPolicy);
    if (suspension === undefined) return false;
    if (suspension.keepAwake.includes("cpu") && !(await this.#hasQuietCpu(record, suspension.intervalMs))) return false;
    if (!this.isUnused(record)) return false;
    const programs = await this.#programs(record, deadlineMs.deciding);
    const { sleepsInMs } = this.#idleness(record, programs);
    // It is asked again when the interval is over: what ends meanwhile says when.
    if (sleepsInMs === undefined) this.#note(record, programs?.execs ? "exec" : "entrypoint", this.#now());
    return sleepsInMs !== undefined && sleepsInMs <= 0;
  }

  /** By what the daemon counts alone, so that nothing can come between the answer and what is done about it. */
  isUnused(record: SandboxRecord): boolean {
    const { sleepsInMs } = this.#idleness(record);
    return sleepsInMs !== undefined && sleepsInMs <= 0;
  }

  /** For people: a guest that does not answer at once is left out. */
  async explain(record: SandboxRecord): Promise<Pick<Activity, "lastUsedAt" | "keptAwakeBy" | "sleepsAt">> {
    const hasExecs = this.#options.context.store.execs.count(record.id) > 0;
    const isAsked = hasExecs && suspensionOf(record.lifecycle.autoSuspendPolicy) !== undefined;
    const programs = isAsked ? await this.#programs(record, deadlineMs.reading).catch(() => undefined) : undefined;
    const { keptAwakeBy, sleepsInMs } = this.#idleness(record, programs);
    const at = (inMs: number) => new Date(this.#options.wall() + inMs).toISOString();
    return {
      lastUsedAt: at(this.#options.context.uses.useOf(record).last.atMs - this.#now()),
      keptAwakeBy: [...keptAwakeBy],
      ...(sleepsInMs === undefined ? {} : { sleepsAt: at(Math.max(0, sleepsInMs)) }),
    };
  }

  forget(id: string): void {
    this.#samples.delete(id);
  }

  #idleness(record: SandboxRecord, programs?: Programs): Idleness {
    const use = this.#options.context.uses.useOf(record);
    return idleness(record.lifecycle.autoSuspendPolicy, { use, programs, nowMs: this.#now() });
  }

  /** A window before the time it is sampled first, and at the time again; where it was busy in between, it was used until now. */
  async #hasQuietCpu(record: SandboxRecord, intervalMs: number): Promise<boolean> {
    const nowMs = this.#now();
    const before = this.#samples.get(record.id);
    if (before && nowMs < before.atMs + cpuWindowMs(intervalMs)) return false;
    const sample = await cpuSampleOf(this.#options.context, record, { nowMs, deadlineMs: deadlineMs.deciding });
    // One that is older than the window says nothing about it.
    const isFresh = before !== undefined && nowMs <= before.atMs + 2 * cpuWindowMs(intervalMs);
    this.#samples.delete(record.id);
    if (sample === undefined) return true;
    if (!isFresh) this.#samples.set(record.id, sample);
    else if (isBusy(before, sample)) this.#note(record, "cpu", nowMs);
    else return true;
    return false;
  }

  async #programs(record: SandboxRecord, limitMs: number): Promise<Programs | undefined> {
    const { keepAwake = [], intervalMs = 0 } = suspensionOf(record.lifecycle.autoSuspendPolicy) ?? {};
    if (!keepAwake.includes("execs") && !keepAwake.includes("entrypoint")) return undefined;
    const work = await programsOf(this.#options.context, record, limitMs);
    const ends = [
      { kind: "exec", counts: keepAwake.includes("execs"), agoMs: work?.execEndedAgoMs },
      { kind: "entrypoint", counts: keepAwake.includes("entrypoint"), agoMs: work?.entrypointEndedAgoMs },
    ] as const;
    for (const { kind, counts, agoMs } of ends)
      if (counts && agoMs !== undefined && agoMs < intervalMs) this.#note(record, kind, this.#now() - agoMs);
    return work;
  }

  #note(record: SandboxRecord, kind: UseKind, atMs: number): void {
    this.#options.context.uses.noteUse(record, { kind, atMs });
  }

  #now(): number {
    return this.#options.alarm.monotonic();
  }
}
