/**
 * Keeps the chains of disk layers short: every sleep of a machine adds one. Layers are merged in the background while a machine
 * sleeps, one machine after the other; whoever wants a machine meanwhile comes first, and the merging is given up.
 */
import { setTimeout } from "node:timers/promises";
import { Semaphore } from "../../../lib/semaphore.js";
import { untilAborted } from "../../../lib/until-aborted.js";
import { longestChain, type MergingHost, mergeLayers, ownLayers } from "./layer-merge.js";

/** A machine that sleeps no longer than this is not worth the copying. */
const quietMs = 5_000;
/** From here on it is merged at once and waited for: one that always wakes too soon would never be merged. */
const endOfPatience = 32;

export interface LayerChainsOptions {
  readonly quietMs?: number | undefined;
  /** Told of each chain that could not be merged, which stays as it is: a sentence. */
  readonly onFailed?: ((sentence: string) => void) | undefined;
}

interface Merging {
  readonly giveUp: AbortController;
  /** Fulfils when nothing of it is under way any more. */
  readonly ended: Promise<void>;
  mustFinish: boolean;
}

export class LayerChains {
  readonly #options: LayerChainsOptions;
  readonly #merging = new Map<string, Merging>();
  readonly #oneAtATime = new Semaphore(1);
  #isClosed = false;

  constructor(options: LayerChainsOptions = {}) {
    this.#options = options;
  }

  /** Call it when the machine has just been suspended. Returns at once. */
  shorten(host: MergingHost, sandboxId: string): void {
    if (this.#isClosed) return;
    const giveUp = new AbortController();
    const merging: Merging = { giveUp, ended: Promise.resolve(), mustFinish: false };
    const ended = this.#merge(host, sandboxId, merging).catch((error: unknown) => {
      if (!giveUp.signal.aborted) this.#options.onFailed?.(sentenceOf(sandboxId, error));
    });
    const forget = () => {
      if (this.#merging.get(sandboxId)?.giveUp === giveUp) this.#merging.delete(sandboxId);
    };
    this.#merging.set(sandboxId, Object.assign(merging, { ended: ended.then(forget) }));
  }

  /** When it answers nothing of the machine's layers is changed any more until it is suspended the next time. */
  async leaveAlone(sandboxId: string, signal?: AbortSignal): Promise<void> {
    const merging = this.#merging.get(sandboxId);
    if (merging === undefined) return;
    if (!merging.mustFinish) merging.giveUp.abort(new DOMException("the machine is wanted", "AbortError"));
    await (signal === undefined ? merging.ended : untilAborted(merging.ended, signal));
  }

  /** What is under way is given up. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { giveUp } of this.#merging.values())
      giveUp.abort(new DOMException("the daemon is stopping", "AbortError"));
    await Promise.all([...this.#merging.values()].map(({ ended }) => ended));
  }

  async #merge(host: MergingHost, sandboxId: string, merging: Merging): Promise<void> {
    const { signal } = merging.giveUp;
    const kept = { kind: "suspended", sandboxId } as const;
    const { own } = await ownLayers(host, kept);
    if (own.length <= longestChain) return;
    signal.throwIfAborted();
    merging.mustFinish = own.length > endOfPatience;
    if (!merging.mustFinish) await setTimeout(this.#options.quietMs ?? quietMs, undefined, { signal, ref: false });
    const merge = () => mergeLayers(host, kept, signal);
    await (merging.mustFinish ? merge() : this.#oneAtATime.take(signal, merge));
  }
}

function sentenceOf(sandboxId: string, error: unknown): string {
  const why = error instanceof Error ? error.message : String(error);
  return `The disk layers of the suspended sandbox ${sandboxId} could not be merged, and stay as they are: ${why}.`;
}
