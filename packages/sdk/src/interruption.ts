/** A sleep of the sandbox, as somebody who follows its programs hears of it. */
export interface Interruption {
  readonly stoppedAt: string;
  readonly resumedAt: string;
}

/** More than a sandbox keeps. */
const maximumInterruptions = 100;

/** Those at one offset of an output: they come again with an attachment there, and are told once. */
export class InterruptionsToldOnce {
  #known: readonly Interruption[] = [];

  /** Undefined for one that was told. */
  next({ stoppedAt, resumedAt }: Interruption): Interruption | undefined {
    if (this.#known.some((known) => known.stoppedAt === stoppedAt && known.resumedAt === resumedAt)) return undefined;
    const interruption = { stoppedAt, resumedAt };
    this.#known = [...this.#known.slice(-maximumInterruptions), interruption];
    return interruption;
  }

  /** Output came: the offset is another. */
  forget(): void {
    this.#known = [];
  }
}
