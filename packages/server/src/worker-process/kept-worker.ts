/** Keeps a worker there: one process after the other, with a pause that grows while they end soon. */
import { randomInt } from "node:crypto";
import type { Socket } from "node:net";
import type { Logger } from "pino";
import type { z } from "zod";
import { Backoff } from "../lib/backoff.js";
import type { LifeFromWorker, LifeToWorker } from "./life-messages.js";

interface Message {
  readonly kind: string;
}

/** What the daemon has of a process; host/worker.ts starts one. */
export interface WorkerProcess<To extends Message> {
  send(message: To | LifeToWorker, socket?: Socket): void;
  onMessage(listener: (message: unknown) => void): void;
  readonly ended: Promise<string>;
  end(): Promise<void>;
}

export interface WorkerHooks<From extends Message> {
  /** A process takes messages. */
  onReady(): void;
  onMessage(message: Exclude<From, LifeFromWorker>): void;
  /** The process is gone, with all that it held. */
  onGone(): void;
}

export interface KeptWorkerOptions<To extends Message, From extends Message> {
  /** As the log calls it: "The egress gateway". */
  readonly name: string;
  /** What its end does, as the log says it. */
  readonly loss: string;
  /** May throw, such as where the host has no memory for one. */
  readonly start: () => WorkerProcess<To>;
  /** What it says. */
  readonly messages: z.ZodType<From>;
  readonly hooks: WorkerHooks<From>;
  readonly logger: Pick<Logger, "error" | "warn">;
  /** One that says nothing for so long, though it is asked, is ended; 15 s when left out. */
  readonly silenceMs?: number | undefined;
}

/** One that lived so long was well. */
const wellMs = 10_000;
/** One that is not there after so long is ended. */
const startMs = 60_000;

const usualSilenceMs = 15_000;
/** Users of workers, where the daemon is root: above those of machines, in no /etc/passwd. */
const firstUserId = 0x7100_0000;
const userIds = 1 << 24;

export class KeptWorker<To extends Message, From extends Message> {
  readonly #options: KeptWorkerOptions<To, From>;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #worker: WorkerProcess<To> | undefined;
  #isReady = false;
  #restarts = 0;

  constructor(options: KeptWorkerOptions<To, From>) {
    this.#options = options;
  }

  /** From now on there is one: an engine without machines of its own never needs it. */
  begin(): void {
    if (!this.#stop.signal.aborted) this.#running ??= this.#keep();
  }

  /** How often its process was started anew. */
  get restarts(): number {
    return this.#restarts;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** To nobody, where none is ready: all is said anew to the next, and the socket is closed. */
  send(message: To, socket?: Socket): void {
    if (this.#isReady && this.#worker !== undefined) this.#worker.send(message, socket);
    else socket?.destroy();
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
      this.#restarts++;
      const { name, loss, logger } = this.#options;
      logger.error({ how }, `${name} ended; another one is started, and ${loss}`);
      if (performance.now() - began > wellMs) backoff.reset();
      await backoff.wait(this.#stop.signal).catch(() => {});
    }
  }

  async #runOne(): Promise<string> {
    let worker: WorkerProcess<To>;
    try {
      worker = this.#options.start();
    } catch (error) {
      return `it could not be started: ${error instanceof Error ? error.message : error}`;
    }
    this.#worker = worker;
    const { silenceMs = usualSilenceMs } = this.#options;
    let heardAt = performance.now();
    worker.onMessage((raw) => {
      heardAt = performance.now();
      this.#take(raw, worker);
    });
    const timer = setInterval(() => {
      this.#sendOfLife({ kind: "ping" });
      if (performance.now() - heardAt > (this.#isReady ? silenceMs : startMs)) void worker.end();
    }, silenceMs / 3);
    timer.unref();
    const how = await worker.ended;
    clearInterval(timer);
    this.#worker = undefined;
    this.#isReady = false;
    this.#options.hooks.onGone();
    return how;
  }

  /** One that says what it never says is not believed any more. */
  #take(raw: unknown, worker: WorkerProcess<To>): void {
    const { messages, hooks, logger, name } = this.#options;
    const { data: message, error } = messages.safeParse(raw);
    if (error !== undefined) {
      logger.warn({ err: error }, `${name} said what it never says`);
      void worker.end();
    } else if (!isOfLife(message)) {
      hooks.onMessage(message as Exclude<From, LifeFromWorker>);
    } else if (message.kind === "user-kept") {
      const { reason } = message;
      logger.warn({ reason }, `${name} cannot have a user of its own on this host, and runs as the daemon's`);
    } else if (message.kind === "ready") {
      this.#isReady = true;
      const isRoot = process.getuid?.() === 0;
      this.#sendOfLife({ kind: "begin", ...(isRoot && { userId: firstUserId + randomInt(userIds) }) });
      hooks.onReady();
    }
  }

  #sendOfLife(message: LifeToWorker): void {
    if (this.#isReady) this.#worker?.send(message);
  }
}

function isOfLife(message: Message): message is LifeFromWorker {
  return message.kind === "ready" || message.kind === "pong" || message.kind === "user-kept";
}
