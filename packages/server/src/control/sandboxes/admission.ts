/**
 * Where creations wait until the host has memory and cores for them (lifecycle/capacity.ts decides), a queue for each group;
 * lifecycle/turns.ts decides whose turn it is.
 */
import { AlcoveError } from "@alcove/contract";
import { Backoff } from "../../lib/backoff.js";
import { inSpan } from "../../lib/tracing.js";
import {
  type Demand,
  type Limits,
  type Load,
  missingMemoryMiB,
  neverFits,
  waitsFor,
} from "../../lifecycle/capacity.js";
import { type Head, nextToStart } from "../../lifecycle/turns.js";

export interface AdmissionOptions {
  readonly limits: Limits;
  readonly availableMemoryMiB: () => number;
  /** How long a creation may wait. */
  readonly timeoutMs: number;
}

/** A group has no more creations than this under way at once, whatever they wait for; more are refused. */
const mostCreating = 512;
/** The host's free memory changes without telling anybody; while somebody waits it is looked at in this pace. */
const lookPace = { firstMs: 250, lastMs: 2_000 };

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #claims = new Map<string, Claim>();
  readonly #queues = new Map<string, Waiting[]>();
  readonly #lastTurns = new Map<string, number>();
  #giveBack: (missingMiB: number) => void = () => undefined;
  #turn = 0;
  #isWatching = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  get committedMiB(): number {
    return this.#load().committedMiB;
  }

  /** Refuses at once what can never start, and everything while too many of its group are `creating`, in the queue or on the way to it. */
  check(demand: Demand, creating: number): void {
    this.checkSize(demand);
    if (creating < mostCreating) return;
    throw new AlcoveError("TooManyRequests", `${creating} sandboxes of the group are being created already.`);
  }

  /** Refuses what can never start; `what` is for sentences about something else than a sandbox that was asked for. */
  checkSize(demand: Demand, what?: string): void {
    const refusal = neverFits(demand, this.#options.limits, what);
    if (refusal === undefined) return;
    const field = what === undefined ? { field: refusal.field } : {};
    throw new AlcoveError("CapacityExceeded", refusal.sentence, {
      ...field,
      hint: "Ask for a smaller size: it never fits.",
    });
  }

  /** Waits for its turn, and counts as starting from then on. */
  enter(claimant: Claimant, demand: Demand, signal: AbortSignal): Promise<void> {
    return inSpan("sandbox.wait_for_room", {}, () => this.#wait(claimant, demand, signal));
  }

  #wait({ id, group, what = "this sandbox" }: Claimant, demand: Demand, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const leave = (settle: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        this.#drop(waiting);
        settle();
      };
      const abort = () => leave(() => reject(signal.reason));
      const expire = () => leave(() => reject(this.#waitedTooLong(what, demand)));
      const waiting = { id, group, demand, admit: () => leave(resolve) };
      const timer = setTimeout(expire, this.#options.timeoutMs);
      signal.addEventListener("abort", abort, { once: true });
      const queue = this.#queues.get(group);
      if (queue === undefined) this.#queues.set(group, [waiting]);
      else queue.push(waiting);
      this.#pump();
    });
  }

  /**
   * For work that no user waits for. It begins where nobody waits, nothing of users' starts and there is room; false: not
   * now. What it holds is given back when somebody waits for memory.
   */
  lend({ id, group }: Claimant, demand: Demand): boolean {
    const load = this.#load();
    if (this.#queues.size > 0 || load.starting > 0) return false;
    if (waitsFor(demand, load, this.#options.limits) !== undefined) return false;
    this.#claims.set(id, { group, memoryMiB: demand.memoryMiB, isStarting: true, isLent: true });
    return true;
  }

  /** Whom to ask for what was lent: called with what is missing for as long as somebody waits for it. */
  onShort(giveBack: (missingMiB: number) => void): void {
    this.#giveBack = giveBack;
  }

  /** It runs, by start or by adoption. */
  started({ id, group }: Claimant, { memoryMiB }: Demand): void {
    this.#claims.set(id, { group, memoryMiB, isStarting: false });
    this.#pump();
  }

  /** It is gone, or will never run. */
  release(id: string): void {
    if (this.#claims.delete(id)) this.#pump();
  }

  #pump(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const { id, group, demand } = next;
      this.#claims.set(id, { group, memoryMiB: demand.memoryMiB, isStarting: true });
      this.#lastTurns.set(group, ++this.#turn);
      next.admit();
    }
    if (this.#queues.size === 0) return;
    const missingMiB = Math.max(...this.#heads().map(({ demand }) => this.#missingMiB(demand)));
    if (missingMiB > 0) this.#giveBack(missingMiB);
    if (!this.#isWatching) void this.#watch();
  }

  #missingMiB(demand: Demand): number {
    return missingMemoryMiB(demand, this.#load(), this.#options.limits);
  }

  #heads(): Waiting[] {
    return [...this.#queues.values()].flatMap(([first]) => (first === undefined ? [] : [first]));
  }

  #next(): Waiting | undefined {
    if (this.#queues.size === 0) return undefined;
    const [load, groupMiB] = [this.#load(), this.#memoryByGroup()];
    const turns = this.#heads().map((waiting): Head & { readonly waiting: Waiting } => ({
      waiting,
      group: waiting.group,
      groupMiB: (groupMiB.get(waiting.group) ?? 0) + waiting.demand.memoryMiB,
      lastTurn: this.#lastTurns.get(waiting.group) ?? 0,
    }));
    const fits = ({ waiting }: { readonly waiting: Waiting }) =>
      waitsFor(waiting.demand, load, this.#options.limits) === undefined;
    return nextToStart(turns, fits)?.waiting;
  }

  async #watch(): Promise<void> {
    this.#isWatching = true;
    const backoff = new Backoff(lookPace);
    while (this.#queues.size > 0) {
      await backoff.wait(never);
      this.#pump();
    }
    this.#isWatching = false;
  }

  #drop(waiting: Waiting): void {
    const queue = this.#queues.get(waiting.group) ?? [];
    const position = queue.indexOf(waiting);
    if (position < 0) return;
    queue.splice(position, 1);
    if (queue.length === 0) this.#queues.delete(waiting.group);
    if (position === 0) queueMicrotask(() => this.#pump());
  }

  #waitedTooLong(what: string, demand: Demand): AlcoveError {
    const reason = waitsFor(demand, this.#load(), this.#options.limits) ?? "others were before it in the queue";
    const seconds = Math.round(this.#options.timeoutMs / 1_000);
    return new AlcoveError("CapacityExceeded", `The host had no room for ${what} within ${seconds} s: ${reason}.`);
  }

  #load(): Load {
    const claims = [...this.#claims.values()];
    const starting = claims.filter(({ isStarting }) => isStarting);
    return {
      committedMiB: sum(claims),
      startingMiB: sum(starting),
      starting: starting.filter(({ isLent }) => isLent !== true).length,
      availableMiB: this.#options.availableMemoryMiB(),
    };
  }

  #memoryByGroup(): Map<string, number> {
    const sums = new Map<string, number>();
    for (const { group, memoryMiB } of this.#claims.values()) sums.set(group, (sums.get(group) ?? 0) + memoryMiB);
    return sums;
  }
}

/** Whose creation it is. */
interface Claimant {
  readonly id: string;
  readonly group: string;
  /** For sentences. */
  readonly what?: string;
}

interface Claim {
  readonly group: string;
  readonly memoryMiB: number;
  readonly isStarting: boolean;
  /** No user waits for it. */
  readonly isLent?: boolean;
}

interface Waiting extends Claimant {
  readonly demand: Demand;
  readonly admit: () => void;
}

const never = new AbortController().signal;

function sum(claims: readonly Claim[]): number {
  return claims.reduce((total, { memoryMiB }) => total + memoryMiB, 0);
}
