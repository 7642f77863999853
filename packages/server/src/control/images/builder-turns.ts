/**
 * Whose builder may start: few at once on this host, one of a group's, the groups in the order in which they came. A builder's machine
 * takes of the host's memory as a sandbox's does, so it waits in the same queue, and fails there after the same time.
 */
import { randomUUID } from "node:crypto";
import type { Builders, Engine } from "../../engines/engine.js";
import { Semaphore } from "../../lib/semaphore.js";
import type { Demand } from "../../lifecycle/capacity.js";
import type { Admission } from "../sandboxes/admission.js";

const buildersAtOnce = 2;
const claimant = "the machine that makes the image's disk";

export class BuilderTurns {
  readonly #admission: Admission;
  readonly #demand: Demand | undefined;
  readonly #all = new Semaphore(buildersAtOnce);
  readonly #ofGroups = new Map<string, GroupTurns>();

  constructor(admission: Admission, engine: { readonly builders?: Pick<Builders, "size"> } & Pick<Engine, "cost">) {
    this.#admission = admission;
    this.#demand = engine.builders && demandOfBuilder(engine.cost(engine.builders.size).memoryMiB);
  }

  /** Does the work when its turn has come; it tells when its machine runs. */
  async take<T>(group: string, signal: AbortSignal, work: (onStarted: () => void) => Promise<T>): Promise<T> {
    const own = this.#ofGroups.get(group) ?? { turns: new Semaphore(1), users: 0 };
    this.#ofGroups.set(group, own);
    own.users++;
    try {
      return await own.turns.take(signal, () => this.#all.take(signal, () => this.#admitted(group, signal, work)));
    } finally {
      if (--own.users === 0) this.#ofGroups.delete(group);
    }
  }

  async #admitted<T>(group: string, signal: AbortSignal, work: (onStarted: () => void) => Promise<T>): Promise<T> {
    const demand = this.#demand;
    if (demand === undefined) return await work(() => undefined);
    const claim = { id: randomUUID(), group, what: claimant };
    this.#admission.checkSize(demand, claimant);
    await this.#admission.enter(claim, demand, signal);
    try {
      return await work(() => this.#admission.started(claim, demand));
    } finally {
      this.#admission.release(claim.id);
    }
  }
}

interface GroupTurns {
  readonly turns: Semaphore;
  /** Who has the turn or waits for it. */
  users: number;
}

/** A host with fewer processors runs it all the same, more slowly. */
function demandOfBuilder(memoryMiB: number): Demand {
  return { memoryMiB, cpuMillicores: 0 };
}
