/**
 * All warm pools of this daemon: which of them serves a creation, how a member becomes a sandbox, and who gives memory back.
 * No row owns a member, so that a daemon that dies leaves none: the next one removes them and fills its pools anew.
 */
import { isDeepStrictEqual } from "node:util";
import type { DiskImage, Machine, MachineOrigin, MachineSpec } from "../../engines/engine.js";
import { untilAborted } from "../../lib/until-aborted.js";
import { fitsQuota } from "../../lifecycle/pool-plan.js";
import { publicGroup } from "../../store/images.js";
import type { PoolRecord } from "../../store/pools.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { SecretUse } from "../../store/secret-uses.js";
import type { ControlContext } from "../context.js";
import { addedEnvironment } from "../egress/added-environment.js";
import { environmentOf, hostnameOf } from "../sandboxes/machine-spec.js";
import { PoolEvents } from "./pool-events.js";
import type { PoolState } from "./pool-view.js";
import { type Member, type PoolContext, WarmPool } from "./warm-pool.js";

type KeeperContext = PoolContext & Pick<ControlContext, "crashPoint" | "egress" | "events" | "imageRegister">;

/** A member that does not answer by then is given up, and the sandbox starts from the template. */
const claimTimeoutMs = 3_000;

export class PoolKeeper {
  readonly #context: KeeperContext;
  readonly #events: PoolEvents;
  readonly #pools = new Map<string, WarmPool>();
  /** By sandbox: taken out of their pool, and not yet the sandbox's. */
  readonly #reserved = new Map<string, Reserved>();
  readonly #closing = new Set<Promise<void>>();
  #lastCreationAt = 0;
  #isBegun = false;
  #isClosed = false;

  constructor(context: KeeperContext) {
    this.#context = context;
    this.#events = new PoolEvents(context);
    context.admission.onShort((missingMiB) => this.#giveBack(missingMiB));
    context.imageRegister.onChange((group, name) => this.#imageChanged(group, name));
  }

  /** Fills those on record, from when the engine works and nothing of an earlier daemon's is left. */
  begin(): void {
    const { store } = this.#context;
    if (this.#isBegun || this.#isClosed) return;
    this.#isBegun = true;
    for (const record of store.pools.all()) if (store.groups.find(record.group)?.state === "Ready") this.put(record);
    for (const pool of this.#pools.values()) pool.begin();
  }

  /** As recorded now. Members stay where they are what is wanted. */
  put(record: PoolRecord): void {
    const key = keyOf(record);
    const present = this.#pools.get(key);
    if (present !== undefined && holdsAlike(present.record, record)) {
      present.setBounds(record);
      return;
    }
    if (present !== undefined) void this.#end(key, present);
    const pool = new WarmPool(this.#context, record, {
      hasQuota: () => this.#isWithinQuota(record.group, record.size),
      lastCreationAt: () => this.#lastCreationAt,
      changed: () => {
        if (this.#pools.get(key) === pool) this.#events.changed(record, (of) => this.stateOf(of));
      },
    });
    this.#pools.set(key, pool);
    if (this.#isBegun) this.#events.changed(record, (of) => this.stateOf(of));
    if (this.#isBegun) pool.begin();
  }

  stateOf(record: PoolRecord): PoolState {
    return this.#pools.get(keyOf(record))?.state ?? { ready: 0, starting: 0, claimed: 0, message: undefined };
  }

  /** Ends when nothing of the pool is left. */
  async remove(of: Pick<PoolRecord, "group" | "name">): Promise<void> {
    const pool = this.#pools.get(keyOf(of));
    if (pool !== undefined) await this.#end(keyOf(of), pool);
  }

  async removeGroup(group: string): Promise<void> {
    await Promise.all(this.#of(group).map((pool) => this.remove(pool.record)));
  }

  /**
   * The id that a sandbox has to have to be a member of a pool, which nobody else gets from now on; undefined where no pool
   * has one. Errors: as of its environment. What is the sandbox's alone is given to it meanwhile. It becomes the sandbox by `claim`, or goes by `discard`.
   */
  reserve(record: SandboxRecord, uses: readonly SecretUse[]): string | undefined {
    const added = { environment: addedEnvironment(this.#context.store, record, uses) };
    this.#lastCreationAt = Date.now();
    for (const pool of this.#of(record.group).filter((one) => this.#serves(one, record))) {
      const member = pool.take();
      if (member === undefined) continue;
      this.#context.crashPoint("claim.beforeRenew");
      const given = environmentOf({ imageConfig: member.config, environment: record.environment }, added);
      const renewed = this.#renew(member, { record, uses, environment: given });
      this.#reserved.set(member.id, { pool, member, given, renewed });
      return member.id;
    }
    this.#makeRoomInQuota(record);
    return undefined;
  }

  /** Makes the member that was reserved for it the sandbox; undefined where none was, or where it cannot be: nothing of it is left then. */
  async claim({ id, disk, environment }: MachineSpec, signal: AbortSignal): Promise<Machine | undefined> {
    const { crashPoint, logger } = this.#context;
    const reserved = this.#reserved.get(id);
    if (reserved === undefined) return undefined;
    const { pool, member, renewed, given } = reserved;
    try {
      if (member.digest !== disk.digest) throw new Error("The image is another one by now");
      if (!isDeepStrictEqual(given, environment))
        throw new Error("Its secrets or its group's identity have changed by now");
      const { error } = await untilAborted(renewed, signal);
      if (error !== undefined) throw error;
      crashPoint("claim.afterRenew");
    } catch (error) {
      await this.discard(id);
      signal.throwIfAborted();
      logger.warn({ sandbox: id, err: error }, "A pool's member could not be used; the sandbox starts anew");
      return undefined;
    }
    this.#reserved.delete(id);
    pool.noteClaim();
    return member.machine;
  }

  /** The primed template that a sandbox on this disk starts from where it has no member; undefined where its group has none of it. */
  primedFor(record: SandboxRecord, { digest }: Pick<DiskImage, "digest">): Primed | undefined {
    const serving = this.#of(record.group).filter((one) => this.#serves(one, record));
    const pool = serving.find(({ primed }) => primed?.digest === digest);
    const template = pool?.primed;
    if (pool === undefined || template === undefined) return undefined;
    const hold = template.hold();
    return {
      origin: template.origin,
      giveUp: () => pool.dropPrimed(template),
      [Symbol.dispose]: () => {
        hold[Symbol.dispose]();
        if (pool.primed !== template) this.#context.snapshotRemovals.collectInBackground();
      },
    };
  }

  /** Ends what is reserved for the sandbox. */
  async discard(id: string): Promise<void> {
    const reserved = this.#reserved.get(id);
    if (reserved === undefined) return;
    await reserved.pool.end(reserved.member);
    this.#reserved.delete(id);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const [key, pool] of this.#pools) void this.#end(key, pool);
    await Promise.all(this.#closing);
    await Promise.all([...this.#reserved.keys()].map((id) => this.discard(id)));
  }

  #end(key: string, pool: WarmPool): Promise<void> {
    this.#pools.delete(key);
    this.#events.forget(pool.record);
    const closing = pool.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    return closing;
  }

  #of(group: string): WarmPool[] {
    return [...this.#pools.values()].filter(({ record }) => record.group === group);
  }

  /** Entropy, clock, environment and generation are the sandbox's from here on; host name and machine id have been. */
  async #renew({ id, machine }: Member, { record, uses, environment }: Renewed): Reserved["renewed"] {
    const identity = { hostname: hostnameOf(id), machineId: id.replaceAll("-", ""), environment };
    try {
      const { certificates } = await this.#context.egress.toldTo(record, uses);
      const renewal = {
        ...{ ...identity, generation: record.generation, thaw: true },
        ...(certificates !== undefined && { certificates }),
      };
      await machine.guest.renew(renewal, AbortSignal.timeout(claimTimeoutMs));
      return {};
    } catch (error) {
      return { error };
    }
  }

  /** What comes from a snapshot has its own memory. Whose image is the catalogue's is found out as late as here: the group may have got its own of the name. */
  #serves({ record: pool }: WarmPool, { group, image, imageIsPublic, size, snapshotId }: SandboxRecord): boolean {
    if (snapshotId !== undefined || pool.image !== image || !isSameSize(pool.size, size)) return false;
    if (pool.imageIsPublic === imageIsPublic) return true;
    return this.#context.imageUse.own({ group, name: image, isPublic: false }) === undefined;
  }

  #imageChanged(group: string, name: string): void {
    for (const pool of this.#pools.values()) {
      const { record } = pool;
      if (record.image === name && (group === record.group || group === publicGroup)) pool.imageChanged();
    }
  }

  #giveBack(missingMiB: number): void {
    const pools = [...this.#pools.values()];
    let stillMiB = missingMiB - pools.reduce((sum, { endingMiB }) => sum + endingMiB, 0);
    while (stillMiB > 0) {
      const [fullest] = pools.toSorted((one, other) => other.heldCount - one.heldCount);
      const givenMiB = fullest?.giveBackOne() ?? 0;
      if (givenMiB === 0) return;
      stillMiB -= givenMiB;
    }
  }

  /** A sandbox that comes to be beside the group's pools may take what the quota has left for them. */
  #makeRoomInQuota({ group, size }: SandboxRecord): void {
    while (!this.#isWithinQuota(group, size)) {
      const [fullest] = this.#of(group).toSorted((one, other) => other.heldCount - one.heldCount);
      if (fullest === undefined || fullest.giveBackOne() === 0) return;
    }
  }

  /** Whether one more of the size is within the quota, what the group's pools hold counted in. */
  #isWithinQuota(name: string, size: PoolRecord["size"]): boolean {
    const group = this.#context.store.groups.find(name);
    if (group === undefined) return false;
    let { cpuMillicores, memoryMiB } = group.used;
    for (const { record, heldCount } of this.#of(name)) {
      cpuMillicores += heldCount * record.size.cpuMillicores;
      memoryMiB += heldCount * record.size.memoryMiB;
    }
    return fitsQuota(group.quota, { cpuMillicores, memoryMiB }, size);
  }
}

/** It stays until it is disposed of. */
export interface Primed extends Disposable {
  readonly origin: MachineOrigin;
  /** Nothing starts from it: the pool makes another one. */
  giveUp(): void;
}

/** The sandbox that a member becomes. */
interface Renewed {
  readonly record: SandboxRecord;
  readonly uses: readonly SecretUse[];
  readonly environment: MachineSpec["environment"];
}

interface Reserved {
  readonly pool: WarmPool;
  readonly member: Member;
  /** The environment that it gets. */
  readonly given: MachineSpec["environment"];
  /** Never rejects. */
  readonly renewed: Promise<{ readonly error?: unknown }>;
}

function keyOf({ group, name }: Pick<PoolRecord, "group" | "name">): string {
  return `${group}/${name}`;
}

/** Whether members of the one are as good for the other. */
function holdsAlike(one: PoolRecord, other: PoolRecord): boolean {
  const asText = ({ image, imageIsPublic, prime }: PoolRecord) => JSON.stringify([image, imageIsPublic, prime]);
  return asText(one) === asText(other) && isSameSize(one.size, other.size);
}

function isSameSize(one: PoolRecord["size"], other: PoolRecord["size"]): boolean {
  return (
    one.cpuMillicores === other.cpuMillicores && one.memoryMiB === other.memoryMiB && one.diskMiB === other.diskMiB
  );
}
