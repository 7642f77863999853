/**
 * One warm pool: it fills itself in the background, one member at a time and only when no user's work waits or starts, hands
 * members out, and ends those that it has too many of or that have another image than its name means now.
 */
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { AlcoveError, type Image } from "@alcove/contract";
import type { Machine } from "../../engines/engine.js";
import { Backoff, waitFor } from "../../lib/backoff.js";
import { Change } from "../../lib/change.js";
import { askedWithinMs, wantedMembers } from "../../lifecycle/pool-plan.js";
import type { PoolRecord } from "../../store/pools.js";
import { type ControlContext, demandOf } from "../context.js";
import { requireDiskSpace } from "../system/disk-space.js";
import { type MemberOrder, startMember } from "./pool-member.js";
import type { PoolState } from "./pool-view.js";
import { makePrimedTemplate, type PrimedTemplate, type PrimingContext } from "./primed-template.js";

export type PoolContext = PrimingContext &
  Pick<ControlContext, "admission" | "freeSpaceMarkBytes" | "host" | "imageUse" | "logger" | "store">;

type OpenImage = Pick<MemberOrder, "disk" | "config">;

export interface Member {
  readonly id: string;
  readonly machine: Machine;
  /** Of the disk that it began from. */
  readonly digest: string;
  /** What the image said then. */
  readonly config: Image["config"];
  readonly memoryMiB: number;
}

/** What a pool knows of everything else. */
export interface Surroundings {
  /** Whether the group's quota has room for one more. */
  hasQuota(): boolean;
  /** Milliseconds since 1970; of any group. */
  lastCreationAt(): number;
  /** To be told that its state is another one. */
  changed(): void;
}

/** Who has just created a sandbox runs something in it: the host is theirs for so long, but the pool does not wait for ever. */
const calmMs = 500;
const longestWaitForCalmMs = 5_000;
const roomPace = { firstMs: 20, lastMs: 1_000 };
const troublePace = { firstMs: 1_000, lastMs: 60_000 };

export class WarmPool {
  record: PoolRecord;
  readonly #context: PoolContext;
  readonly #surroundings: Surroundings;
  readonly #closing = new AbortController();
  readonly #changed = new Change();
  readonly #ready = new Map<string, Member>();
  readonly #ending = new Map<Member, Promise<void>>();
  readonly #trouble = new Backoff(troublePace);
  #askedAt: number[] = [];
  #claimed = 0;
  #primed: PrimedTemplate | undefined;
  #starting: { readonly giveUp: AbortController; readonly memoryMiB: number } | undefined;
  #isImageSeen = false;
  #isTroubled = false;
  #message: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #keeping: Promise<void> | undefined;

  constructor(context: PoolContext, record: PoolRecord, surroundings: Surroundings) {
    this.#context = context;
    this.record = record;
    this.#surroundings = surroundings;
  }

  begin(): void {
    this.#keeping ??= this.#keep(this.#closing.signal);
  }

  get state(): PoolState {
    const message = this.#lacks ? this.#message : undefined;
    const primedAt = this.#primed?.madeAt;
    return { ready: this.#ready.size, starting: this.#starting ? 1 : 0, claimed: this.#claimed, primedAt, message };
  }

  /** Of members that run or start: not of those that were handed out, nor of those that end. */
  get heldCount(): number {
    return this.#ready.size + (this.#starting ? 1 : 0);
  }

  get endingMiB(): number {
    const given = this.#starting?.giveUp.signal.aborted ? this.#starting.memoryMiB : 0;
    return [...this.#ending.keys()].reduce((sum, { memoryMiB }) => sum + memoryMiB, given);
  }

  setBounds(record: PoolRecord): void {
    this.record = record;
    this.#look();
  }

  /** Its image's name may mean another content now. */
  imageChanged(): void {
    this.#isImageSeen = false;
    this.#changed.announce();
  }

  /** A member for a creation, taken out of the pool; the pool remembers that it was asked. */
  take(): Member | undefined {
    const [member] = this.#ready.values();
    if (member) this.#ready.delete(member.id);
    this.#askedAt = [...this.#askedAt, Date.now()].slice(-this.record.maximum);
    this.#look();
    return member;
  }

  /** What sandboxes that find no member start from. */
  get primed(): PrimedTemplate | undefined {
    return this.#primed;
  }

  /** Nothing starts from it any more, as when it has been found to be of no use; another one is made. */
  dropPrimed(primed: PrimedTemplate): void {
    if (this.#primed !== primed) return;
    this.#primed = undefined;
    primed[Symbol.dispose]();
    this.#context.snapshotRemovals.collectInBackground();
    this.#look();
  }

  noteClaim(): void {
    this.#claimed++;
    this.#trouble.reset();
    this.#surroundings.changed();
  }

  /** Ends a member, or what is on the way to be one; answers how much memory that gives back, 0 where there is none. */
  giveBackOne(): number {
    if (this.#starting !== undefined && !this.#starting.giveUp.signal.aborted) {
      this.#starting.giveUp.abort(new AlcoveError("CapacityExceeded", "A creation needed the memory."));
      return this.#starting.memoryMiB;
    }
    const [member] = this.#ready.values();
    if (member === undefined) return 0;
    void this.end(member);
    return member.memoryMiB;
  }

  /** Ends when nothing of the member is left, or cannot be removed: then the next daemon does it. */
  end(member: Member): Promise<void> {
    const { admission, logger } = this.#context;
    if (this.#ready.delete(member.id)) this.#surroundings.changed();
    const ended =
      this.#ending.get(member) ??
      member.machine
        .destroy()
        .catch((error: unknown) => logger.error({ sandbox: member.id, err: error }, "A pool's member is not removed"))
        .finally(() => {
          this.#ending.delete(member);
          admission.release(member.id);
          this.#changed.announce();
        });
    this.#ending.set(member, ended);
    return ended;
  }

  async close(): Promise<void> {
    this.#closing.abort(new AlcoveError("DaemonStopping", "The pool ends."));
    clearTimeout(this.#timer);
    await this.#keeping;
    for (const member of this.#ready.values()) void this.end(member);
    await Promise.all(this.#ending.values());
    if (this.#primed !== undefined) await this.#removePrimed(this.#primed);
  }

  get #wanted(): number {
    return wantedMembers(this.record, this.#askedAt, Date.now());
  }

  get #lacks(): boolean {
    return this.#isUnprimed || this.#ready.size < this.#wanted;
  }

  get #isUnprimed(): boolean {
    return this.record.prime.length > 0 && this.#primed === undefined;
  }

  /** What is left when the daemon stops, the next one removes. */
  async #removePrimed(primed: PrimedTemplate): Promise<void> {
    const { snapshotRemovals, logger } = this.#context;
    this.#primed = undefined;
    primed[Symbol.dispose]();
    await snapshotRemovals.collect().catch((error: unknown) => logger.debug({ err: error }, "A snapshot is left"));
  }

  /** Ends what it has too many of, wakes what fills it, and looks again when the oldest creation is a minute ago. */
  #look(): void {
    if (this.#closing.signal.aborted) return;
    const surplus = this.#ready.size - this.#wanted;
    if (surplus > 0) for (const member of [...this.#ready.values()].slice(0, surplus)) void this.end(member);
    this.#changed.announce();
    this.#surroundings.changed();
    clearTimeout(this.#timer);
    const now = Date.now();
    this.#askedAt = this.#askedAt.filter((at) => now - at < askedWithinMs);
    const [oldest] = this.#askedAt;
    if (oldest !== undefined) this.#timer = setTimeout(() => this.#look(), oldest + askedWithinMs - now).unref();
  }

  async #keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#changed.until(() => this.#lacks || !this.#isImageSeen, signal);
        if (this.#isTroubled) await this.#trouble.wait(signal);
        this.#isTroubled = false;
        await this.#fill(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#noteTrouble(error);
      }
    }
  }

  async #fill(signal: AbortSignal): Promise<void> {
    const { engine } = this.#context;
    const found = await this.#openImage(signal);
    if (!this.#lacks) return;
    await requireDiskSpace(this.#context);
    await engine.prepare(found.disk, this.record.size, { signal });
    const id = randomUUID();
    if (!(await this.#room(id, signal))) return;
    const order = { id, record: this.record, ...found, origin: this.#primed?.origin };
    await this.#start(
      order,
      (within) => (this.#isUnprimed ? this.#prime(order, within) : this.#add(order, within)),
      signal,
    );
  }

  /** Members that stand on what the name meant before are of no use any more. */
  async #openImage(signal: AbortSignal) {
    const { group, image: name, imageIsPublic: isPublic } = this.record;
    this.#isImageSeen = true;
    try {
      const found = await this.#context.imageUse.open({ group, name, isPublic }, signal);
      await this.#endAllBut(found);
      return found;
    } catch (error) {
      await this.#endAllBut(undefined);
      throw error;
    }
  }

  async #endAllBut(image: OpenImage | undefined): Promise<void> {
    const isStale = ({ digest, config }: Member | PrimedTemplate) =>
      digest !== image?.disk.digest || !isDeepStrictEqual(config, image.config);
    if (this.#primed !== undefined && isStale(this.#primed)) await this.#removePrimed(this.#primed);
    await Promise.all([...this.#ready.values()].filter(isStale).map((one) => this.end(one)));
  }

  /** False when nothing is lacking any more. */
  async #room(id: string, signal: AbortSignal): Promise<boolean> {
    const { admission } = this.#context;
    const demand = demandOf(this.#context, this.record.size);
    const { hasQuota: isWithinQuota, lastCreationAt } = this.#surroundings;
    const began = Date.now();
    return waitFor(
      () => {
        if (!this.#lacks) return false;
        const now = Date.now();
        if (now - lastCreationAt() < calmMs && now - began < longestWaitForCalmMs) return undefined;
        const hasQuota = isWithinQuota();
        if (hasQuota && admission.lend({ id, group: this.record.group }, demand)) return true;
        this.#message = hasQuota
          ? "It waits until no creation needs the host."
          : "The group's quota has no room for more.";
        this.#surroundings.changed();
        return undefined;
      },
      signal,
      roomPace,
    );
  }

  /** What the host lends to the work is given back when it is over, unless a member runs then. */
  async #start(
    { id, record }: MemberOrder,
    work: (signal: AbortSignal) => Promise<Member | undefined>,
    signal: AbortSignal,
  ): Promise<void> {
    const { admission } = this.#context;
    const demand = demandOf(this.#context, record.size);
    const giveUp = new AbortController();
    const follow = () => giveUp.abort(signal.reason);
    signal.addEventListener("abort", follow, { once: true });
    if (signal.aborted) follow();
    this.#starting = { giveUp, memoryMiB: demand.memoryMiB };
    this.#surroundings.changed();
    try {
      const member = await work(giveUp.signal);
      if (member === undefined) return admission.release(id);
      admission.started({ id, group: record.group }, demand);
      this.#admit(member);
    } catch (error) {
      admission.release(id);
      throw error;
    } finally {
      signal.removeEventListener("abort", follow);
      this.#starting = undefined;
      this.#surroundings.changed();
    }
  }

  async #add(order: MemberOrder, signal: AbortSignal): Promise<Member> {
    const { id, disk, config, record } = order;
    const primed = this.#primed;
    try {
      const machine = await startMember(this.#context.engine, order, signal);
      const { memoryMiB } = demandOf(this.#context, record.size);
      return { id, machine, digest: disk.digest, config, memoryMiB };
    } catch (error) {
      if (primed !== undefined && !signal.aborted) this.dropPrimed(primed);
      throw error;
    }
  }

  async #prime(order: MemberOrder, signal: AbortSignal): Promise<undefined> {
    this.#primed = await makePrimedTemplate(this.#context, order, signal);
    this.#message = undefined;
  }

  #admit(member: Member): void {
    this.#message = undefined;
    this.#ready.set(member.id, member);
    // Room on the disk is for sandboxes.
    member.machine.onHold((hold) => {
      if (hold !== undefined && this.#ready.has(member.id)) void this.end(member);
    });
    void member.machine.ended.then(({ message }) => {
      if (!this.#ready.has(member.id)) return;
      void this.end(member);
      this.#noteTrouble(new AlcoveError("EngineUnavailable", `A sandbox of the pool ended: ${message}`));
    });
    this.#look();
  }

  #noteTrouble(error: unknown): void {
    const { logger } = this.#context;
    const { group, name } = this.record;
    this.#isTroubled = true;
    logger.warn({ group, pool: name, err: error }, "A warm pool is not filled; it is tried again");
    this.#message = error instanceof AlcoveError ? error.message : "Alcove failed; the daemon's log has the cause.";
    this.#surroundings.changed();
  }
}
