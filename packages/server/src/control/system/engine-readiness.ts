/**
 * Whether the engine works. A daemon without one still answers, so that doctor can say what is missing; what needs the
 * engine tries it anew, and when the host has been mended the sandboxes are taken up then.
 */
import { AlcoveError } from "@alcove/contract";
import type { Engine, Probe } from "../../engines/engine.js";
import { untilAborted } from "../../lib/until-aborted.js";

export class EngineReadiness {
  readonly #engine: Engine;
  readonly #takeUp: (signal: AbortSignal) => Promise<void>;
  readonly #stopping: AbortSignal;
  #attempting: Promise<void> | undefined;
  #isReady = false;
  #failure: AlcoveError | undefined;

  constructor(options: {
    readonly engine: Engine;
    /** Takes up what an earlier daemon left. */
    readonly takeUp: (signal: AbortSignal) => Promise<void>;
    readonly stopping: AbortSignal;
  }) {
    this.#engine = options.engine;
    this.#takeUp = options.takeUp;
    this.#stopping = options.stopping;
  }

  /** A sentence where it does not work. */
  get problem(): string | undefined {
    return this.#failure?.message;
  }

  /** Answers when the engine works and has its sandboxes; EngineUnavailable with the first thing that is missing. */
  async require(signal: AbortSignal): Promise<void> {
    if (this.#isReady) return;
    this.#attempting ??= this.#attempt(this.#stopping).finally(() => (this.#attempting = undefined));
    await untilAborted(this.#attempting, signal);
  }

  /** Looks at the host anew. */
  async examine(signal: AbortSignal): Promise<Probe> {
    const probe = await this.#engine.probe(signal);
    if (probe.works && !this.#isReady) await this.require(signal);
    return probe;
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    try {
      if (this.#failure !== undefined) await this.#requireProbe(signal);
      await this.#takeUp(signal);
      this.#isReady = true;
      this.#failure = undefined;
    } catch (error) {
      signal.throwIfAborted();
      this.#failure = asUnavailable(error);
      throw this.#failure;
    }
  }

  async #requireProbe(signal: AbortSignal): Promise<void> {
    const { works, findings } = await this.#engine.probe(signal);
    if (works) return;
    const finding = findings.find(({ level }) => level === "error");
    throw new AlcoveError("EngineUnavailable", finding?.sentence, finding?.remedy ? { hint: finding.remedy } : {});
  }
}

function asUnavailable(error: unknown): AlcoveError {
  if (error instanceof AlcoveError && error.code === "EngineUnavailable") return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new AlcoveError("EngineUnavailable", `The engine could not take up its sandboxes: ${reason}`, {
    cause: error,
  });
}
