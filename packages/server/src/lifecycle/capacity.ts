/**
 * Whether a sandbox may start now: by the memory that is promised, the memory that is free, and how many are starting at
 * once. Creations wait in the order they came; a large one is not overtaken, so it is never starved.
 */

export interface Limits {
  /** Memory of the host that sandboxes may be promised in all. */
  readonly promisedMemoryMiB: number;
  /** Memory of the host that sandboxes may use: the most that one can be given. */
  readonly usableMemoryMiB: number;
  /** Kept free for everything that is not a sandbox. */
  readonly reservedMemoryMiB: number;
  readonly cores: number;
  readonly concurrentStarts: number;
}

export interface Load {
  /** Promised to the sandboxes that run or are starting. */
  readonly committedMiB: number;
  /** Promised to those that are starting: not yet seen in what is available. */
  readonly startingMiB: number;
  readonly starting: number;
  /** What the host has to give now. */
  readonly availableMiB: number;
}

export interface Demand {
  readonly memoryMiB: number;
  readonly cpuMillicores: number;
}

export interface Refusal {
  readonly field: "resources.cpu" | "resources.memory";
  readonly sentence: string;
}

/** Why the host can never run this, whatever ends; undefined when it can. */
export function neverFits(demand: Demand, limits: Limits, what = "this one"): Refusal | undefined {
  if (demand.cpuMillicores > limits.cores * 1_000) {
    const sentence = `The host has ${limits.cores} cores; the sandbox needs ${demand.cpuMillicores / 1_000}.`;
    return { field: "resources.cpu", sentence };
  }
  const mostMiB = Math.min(limits.usableMemoryMiB, limits.promisedMemoryMiB);
  if (demand.memoryMiB > mostMiB) {
    const sentence = `The host has ${mostMiB} MiB of memory for sandboxes; ${what} needs ${demand.memoryMiB} MiB.`;
    return { field: "resources.memory", sentence };
  }
  return undefined;
}

/** What the first in the queue waits for, as a sentence; undefined when it may start. */
export function waitsFor(demand: Demand, load: Load, limits: Limits): string | undefined {
  if (load.starting >= limits.concurrentStarts) {
    return `${load.starting} sandboxes are starting, and no more than ${limits.concurrentStarts} do so at once`;
  }
  const unpromisedMiB = limits.promisedMemoryMiB - load.committedMiB;
  if (demand.memoryMiB > unpromisedMiB) {
    return `${demand.memoryMiB} MiB of memory are needed and ${unpromisedMiB} MiB are not promised to other sandboxes`;
  }
  const spareMiB = load.availableMiB - load.startingMiB - limits.reservedMemoryMiB;
  if (demand.memoryMiB > spareMiB) {
    return `${demand.memoryMiB} MiB of memory are needed and the host has ${Math.max(0, spareMiB)} MiB to spare`;
  }
  return undefined;
}

/** Memory that would have to be given back before it fits. */
export function missingMemoryMiB(demand: Demand, load: Load, limits: Limits): number {
  const unpromisedMiB = limits.promisedMemoryMiB - load.committedMiB;
  const spareMiB = load.availableMiB - load.startingMiB - limits.reservedMemoryMiB;
  return Math.max(0, demand.memoryMiB - Math.min(unpromisedMiB, spareMiB));
}

/** How much memory a host of this size has for sandboxes. */
export function memoryLimits(host: {
  readonly totalMiB: number;
  readonly reservedMiB: number;
  /** How often the same memory may be promised: sandboxes seldom use all they were given. */
  readonly overcommit: number;
}): Pick<Limits, "promisedMemoryMiB" | "usableMemoryMiB" | "reservedMemoryMiB"> {
  const usableMemoryMiB = Math.max(0, host.totalMiB - host.reservedMiB);
  return {
    usableMemoryMiB,
    promisedMemoryMiB: Math.floor(usableMemoryMiB * host.overcommit),
    reservedMemoryMiB: host.reservedMiB,
  };
}
