/** Keeps the gateway's process there: one after the other, with a pause that grows while they end soon. */
import type { Socket } from "node:net";
import type { Logger } from "pino";
import { Backoff } from "../../lib/backoff.js";
import { FromWorker, type ToWorker } from "../messages.js";

/** What the daemon has of a process; host/worker.ts starts one. */
export interface WorkerProcess {
  send(message: ToWorker, socket?: Socket): void;
  onMessage(listener: (message: unknown) => void): void;
  readonly ended: Promise<string>;
  end(): Promise<void>;
}

export type AboutSandboxes = Exclude<FromWorker, { kind: "ready" | "pong" | "user-kept" }>;

export interface GatewayProcessHooks {
  /** A process takes messages. */
  onReady(): void;
  onMessage(message: AboutSandboxes): void;
  /** The process is gone, with all that it held. */
  onGone(): void;
}

/** One that lived so long was well. */
const wellMs = 10_000;
/** One that is not there after so long is ended. */
const startMs = 60_000;

export interface GatewayProcessOptions {
  /** May throw, such as where the host has no memory for one. */
  readonly start: () => WorkerProcess;
  readonly hooks: GatewayProcessHooks;
  readonly logger: Pick<Logger, "error" | "warn">;
  /** One that says nothing for so long, though it is asked, is ended. */
  readonly silenceMs: number;
}

export class GatewayProcess {
  readonly #start: () => WorkerProcess;
  readonly #hooks: GatewayProcessHooks;
  readonly #logger: Pick<Logger, "error" | "warn">;
  readonly #silenceMs: number;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #worker: WorkerProcess | undefined;
  #isReady = false;

  constructor({ start, hooks, logger, silenceMs }: GatewayProcessOptions) {
    this.#start = start;
    this.#hooks = hooks;
    this.#logger = logger;
    this.#silenceMs = silenceMs;
  }

  /** From now on there is one: an engine without machines of its own never needs it. */
  begin(): void {
    if (!this.#stop.signal.aborted) this.#running ??= this.#keep();
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** To nobody, where none is ready: all is said anew to the next. */
  send(message: ToWorker, socket?: Socket): void {
    if (this.#isReady) this.#worker?.send(message, socket);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#worker?.end();
    await this.#running;
  }

  async #keep(): Promise<void> {
    const backoff = new Backoff({ firstMs: 20, lastMs: 5_000 });
    while (!this.#stop.signal.aborted) {
      const began = performance.now();
      const how = await this.#runOne();
      if (this.#stop.signal.aborted) return;
      this.#logger.error(
        { how },
        "The egress gateway ended; another one is started, and connections of sandboxes are cut",
      );
      if (performance.now() - began > wellMs) backoff.reset();
      await backoff.wait(this.#stop.signal).catch(() => {});
    }
  }

  async #runOne(): Promise<string> {
    let worker: WorkerProcess;
    try {
      worker = this.#start();
    } catch (error) {
      return `it could not be started: ${error instanceof Error ? error.message : error}`;
    }
    this.#worker = worker;
    let heardAt = performance.now();
    worker.onMessage((raw) => {
      heardAt = performance.now();
      this.#take(raw, worker);
    });
    const timer = setInterval(() => {
      this.send({ kind: "ping" });
      if (performance.now() - heardAt > (this.#isReady ? this.#silenceMs : startMs)) void worker.end();
    }, this.#silenceMs / 3);
    timer.unref();
    const how = await worker.ended;
    clearInterval(timer);
    this.#worker = undefined;
    this.#isReady = false;
    this.#hooks.onGone();
    return how;
  }

  /** One that says what it never says is not believed any more. */
  #take(raw: unknown, worker: WorkerProcess): void {
    const parsed = FromWorker.safeParse(raw);
    if (!parsed.success) {
      this.#logger.warn({ err: parsed.error }, "The egress gateway said what it never says");
      void worker.end();
      return;
    }
    if (parsed.data.kind === "pong") return;
    if (parsed.data.kind === "user-kept") {
      const { reason } = parsed.data;
      this.#logger.warn(
        { reason },
        "The egress gateway cannot have a user of its own on this host, and runs as the daemon's",
      );
      return;
    }
    if (parsed.data.kind !== "ready") {
      this.#hooks.onMessage(parsed.data);
      return;
    }
    this.#isReady = true;
    this.#hooks.onReady();
  }
}
