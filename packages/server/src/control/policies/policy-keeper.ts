/**
 * Does what policies say: suspends sandboxes that nobody uses and deletes those whose time is over. One timer, for the
 * sandbox that is due first (lib/due-queue.ts). Use of a sandbox moves nothing in the queue: when it is due, it is looked
 * at, and either that was all, or it is due later. What is decided is decided by lifecycle/idle.ts and expiry.ts.
 */
import type { Activity, AwakeReason } from "@alcove/contract";
import { type Alarm, DueQueue } from "../../lib/due-queue.js";
import { Semaphore } from "../../lib/semaphore.js";
import { doubtedUntil, type Expiry, expiryOf } from "../../lifecycle/expiry.js";
import { suspensionOf } from "../../lifecycle/idle.js";
import { retryDelayMs } from "../../lifecycle/retries.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";
import { IdleWatch } from "./idle-watch.js";

export interface PolicyDeeds {
  /** Suspends it if `isIdle` still holds when nothing can come between; answers whether it did. */
  suspend(record: SandboxRecord, options: { readonly mode: "Memory" | "Disk"; isIdle(): boolean }): Promise<boolean>;
  delete(record: SandboxRecord): void;
}

export interface KeeperOptions {
  readonly context: ControlContext;
  readonly deeds: PolicyDeeds;
  readonly alarm: Alarm;
  /** The time of day. */
  readonly wall: () => number;
}

interface Failure {
  readonly attempts: number;
  readonly message: string;
  /** By the monotonic clock. */
  readonly retryAtMs: number;
}

/** How many are looked at, or suspended, at the same time. */
const atOnce = { looks: 32, suspensions: 4 } as const;

/** Between two looks at the same sandbox, whatever the first one came to. */
const leastPauseMs = 1_000;

export class PolicyKeeper {
  readonly #options: KeeperOptions;
  readonly #idle: IdleWatch;
  readonly #queue: DueQueue;
  readonly #looks = new Semaphore(atOnce.looks);
  readonly #suspensions = new Semaphore(atOnce.suspensions);
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #changedMeanwhile = new Set<string>();
  readonly #failures = new Map<string, Failure>();
  #reading: { readonly wallMs: number; readonly monotonicMs: number };
  #doubtedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#queue = new DueQueue(options.alarm, (id) => this.#due(id));
    this.#reading = this.#readClocks();
    this.#idle = new IdleWatch(options);
    options.context.register.follow((id, before, after) => this.#changed(id, before, after));
  }

  /** From now on policies are kept, also those of sandboxes that are there already. */
  begin(): void {
    for (const record of this.#options.context.store.sandboxes.all()) this.#plan(record);
  }

  /** Ends when nothing is under way any more. */
  async close(): Promise<void> {
    this.#queue.close();
    await Promise.all(this.#underWay.values());
  }

  /** What its policy makes of it, for people. */
  async describe(record: SandboxRecord): Promise<Activity> {
    const isRunning = record.state === "Running" && this.#options.context.machines.isRunning(record.id);
    const idle = isRunning ? await this.#idle.explain(record) : { keptAwakeBy: [] };
    const failure = this.#failures.get(record.id);
    const expiry = expiryOf(record.lifecycle, lifetimeOf(record));
    return {
      ...idle,
      keptAwakeBy: [...idle.keptAwakeBy, ...(failure && isRunning ? [this.#told(failure)] : [])],
      ...(expiry && { deletesAt: new Date(expiry.at).toISOString() }),
    };
  }

  #told({ message, retryAtMs }: Failure): AwakeReason {
    const inMs = Math.max(0, retryAtMs - this.#options.alarm.monotonic());
    const what = "Its policy could not be kept, which is tried again in";
    return { kind: "failure", message: `${what} ${Math.ceil(inMs / 1_000)} s: ${message}` };
  }

  #changed(id: string, before: SandboxRecord | undefined, after: SandboxRecord | undefined): void {
    if (after?.state !== "Running") this.#idle.forget(id);
    if (after === undefined) {
      if (before) this.#options.context.uses.forget(before);
      this.#queue.delete(id);
      this.#failures.delete(id);
      return;
    }
    const ranBefore = before?.state === "Running" || before?.state === "Stopping";
    if (after.state === "Running" && !ranBefore) this.#options.context.uses.started(after);
    if (this.#underWay.has(id)) this.#changedMeanwhile.add(id);
    else this.#plan(after);
  }

  #plan(record: SandboxRecord, leastMs = 0): void {
    const nextMs = this.#nextLookMs(record);
    if (nextMs === undefined) this.#queue.delete(record.id);
    else this.#queue.set(record.id, Math.max(nextMs, leastMs));
  }

  /** In how many milliseconds there may be something to do; undefined when only a change of the sandbox brings that about. */
  #nextLookMs(record: SandboxRecord): number | undefined {
    if (record.desiredState === "Deleted") return undefined;
    const { wallMs, monotonicMs } = this.#readClocks();
    const expiry = expiryOf(record.lifecycle, lifetimeOf(record));
    const expiresInMs = expiry && Math.max(expiry.at - wallMs, this.#doubtedUntilMs - monotonicMs);
    const idleInMs = record.state === "Running" ? this.#idle.nextLookMs(record) : undefined;
    if (expiresInMs === undefined && idleInMs === undefined) return undefined;
    const nextMs = Math.min(expiresInMs ?? Number.POSITIVE_INFINITY, idleInMs ?? Number.POSITIVE_INFINITY);
    return Math.max(nextMs, (this.#failures.get(record.id)?.retryAtMs ?? 0) - monotonicMs);
  }

  #due(id: string): void {
    if (this.#underWay.has(id)) return;
    const { stopping } = this.#options.context;
    const look = this.#looks.take(stopping, () => this.#look(id)).catch((error: unknown) => this.#failed(id, error));
    const ended = look.finally(() => this.#lookedAt(id));
    this.#underWay.set(id, ended);
  }

  #lookedAt(id: string): void {
    this.#underWay.delete(id);
    this.#changedMeanwhile.delete(id);
    const { context } = this.#options;
    if (context.stopping.aborted) return;
    const record = context.store.sandboxes.find(id);
    if (record) this.#plan(record, leastPauseMs);
  }

  async #look(id: string): Promise<void> {
    const { context } = this.#options;
    this.#readAnew();
    const record = context.store.sandboxes.find(id);
    if (record === undefined || record.desiredState === "Deleted") return;
    const expiry = expiryOf(record.lifecycle, lifetimeOf(record));
    if (expiry && this.#isOver(expiry)) return this.#delete(record, expiry);
    if (record.state !== "Running" || !(await this.#idle.isIdle(record))) return;
    await this.#suspensions.take(context.stopping, () => this.#suspend(record));
  }

  #delete(record: SandboxRecord, { because }: Expiry): void {
    this.#options.context.logger.info({ sandbox: record.id }, `A sandbox is deleted by its policy, ${because}`);
    this.#options.deeds.delete(record);
  }

  async #suspend(record: SandboxRecord): Promise<void> {
    const { context, deeds } = this.#options;
    const suspension = suspensionOf(record.lifecycle.autoSuspendPolicy);
    const isIdle = () => this.#isStill(record) && this.#idle.isUnused(record);
    if (suspension === undefined || !isIdle()) return;
    if (!(await deeds.suspend(record, { mode: suspension.mode, isIdle }))) return;
    this.#failures.delete(record.id);
    context.logger.info({ sandbox: record.id, mode: suspension.mode }, "A sandbox that nobody used is suspended");
  }

  /** Nothing of it was changed since it was looked at: its policy, its state. */
  #isStill({ id }: SandboxRecord): boolean {
    return !this.#changedMeanwhile.has(id);
  }

  #failed(id: string, error: unknown): void {
    const { context, alarm } = this.#options;
    if (context.stopping.aborted) return;
    const attempts = (this.#failures.get(id)?.attempts ?? 0) + 1;
    const message = error instanceof Error ? error.message : String(error);
    this.#failures.set(id, { attempts, message, retryAtMs: alarm.monotonic() + retryDelayMs(attempts) });
    context.logger.warn({ sandbox: id, err: error, attempts }, "A policy could not be kept; it is tried again");
  }

  #isOver({ at }: Expiry): boolean {
    const { wallMs, monotonicMs } = this.#reading;
    return at <= wallMs && monotonicMs >= this.#doubtedUntilMs;
  }

  #readAnew(): void {
    const now = this.#readClocks();
    this.#doubtedUntilMs = doubtedUntil(this.#reading, now, this.#doubtedUntilMs);
    this.#reading = now;
  }

  #readClocks() {
    return { wallMs: this.#options.wall(), monotonicMs: this.#options.alarm.monotonic() };
  }
}

export function lifetimeOf({ createdAt, state, stateDetails }: SandboxRecord) {
  const stoppedAt = state === "Stopped" && stateDetails.stoppedAt ? Date.parse(stateDetails.stoppedAt) : undefined;
  return { createdAt, stoppedAt };
}
