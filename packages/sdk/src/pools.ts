/** Warm pools of a group: sandboxes that run already and that nobody has; `create` takes one of its image and size. */
import { deletePool, getPool, listPools, type Pool, putPool, type Tier } from "@alcove/contract";
import { backOff } from "./back-off.js";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import type { Scope } from "./scope.js";

export interface PoolOptions extends Abortable {
  /** An image's name, such as debian. */
  readonly image: string;
  /** So many are kept ready, however few are asked for. */
  readonly minimum: number;
  /** Never more than this, however many are asked for. Default: the minimum, at least 1. */
  readonly maximum?: number | undefined;
  /** A size by name, instead of cpu, memory and disk; what is left out is the group's, else as for a sandbox. */
  readonly tier?: Tier | undefined;
  readonly cpu?: number | string | undefined;
  readonly memory?: string | undefined;
  readonly disk?: string | undefined;
  /** A program that is run once: what it leaves in memory and on the disk is in every sandbox of the image and size that the group creates from then on. */
  readonly prime?: readonly string[] | undefined;
}

/**
 * @example
 * ```ts
 * import { Alcove } from "alcove";
 *
 * using alcove = new Alcove();
 * const { pools, sandboxes } = alcove.defaultGroup;
 * await pools.set("fast", { image: "debian", minimum: 1, maximum: 4 });
 * await pools.waitUntilReady("fast");
 * await using sandbox = await sandboxes.create({ image: "debian" });
 * console.log((await pools.get("fast")).claimed);
 * await pools.delete("fast");
 * ```
 */
export class Pools {
  readonly #scope: Scope;

  /** Made by `alcove.group(name)`. */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  list({ signal }: Abortable = {}): Promise<Pool[]> {
    const { transport, params } = this.#scope;
    return call(transport, listPools, { params, signal });
  }

  get(name: string, { signal }: Abortable = {}): Promise<Pool> {
    const { transport, params } = this.#scope;
    return call(transport, getPool, { params: { ...params, name }, signal });
  }

  /** Makes the pool, or changes it to this; it is filled in the background. */
  set(name: string, { signal, ...options }: PoolOptions): Promise<Pool> {
    const { transport, params } = this.#scope;
    return call(transport, putPool, { params: { ...params, name }, body: bodyOf(options), signal });
  }

  /** Waits until its prime command has run and it has its minimum. Where it cannot be filled its `message` says why: give a signal that ends the waiting. */
  async waitUntilReady(name: string, { signal }: Abortable = {}): Promise<Pool> {
    for (let attempt = 1; ; attempt++) {
      const pool = await this.get(name, { signal });
      const isPrimed = pool.prime === undefined || pool.primedAt !== undefined;
      if (isPrimed && pool.ready >= pool.minimum) return pool;
      await backOff(attempt, signal);
    }
  }

  /** Ends what is in it; sandboxes that were taken from it stay. */
  async delete(name: string, { signal }: Abortable = {}): Promise<void> {
    const { transport, params } = this.#scope;
    await call(transport, deletePool, { params: { ...params, name }, signal });
  }
}

function bodyOf({ image, minimum, maximum, tier, cpu, memory, disk, prime }: Omit<PoolOptions, "signal">) {
  const resources = { tier, cpu: cpu === undefined ? undefined : String(cpu), memory, disk };
  const hasSize = Object.values(resources).some((size) => size !== undefined);
  return {
    sourcesRef: { diskImage: { name: image } },
    ...(hasSize && { resources }),
    minimum,
    maximum,
    prime: prime === undefined ? undefined : [...prime],
  };
}
