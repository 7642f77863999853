/** The daemon's side of the relay: it hands each machine's socket to the relay's process, with one of its own to be called on. */
import { Socket } from "node:net";
import type { Logger } from "pino";
import { withDeadline } from "../../lib/deadline.js";
import { untilAborted } from "../../lib/until-aborted.js";
import { withResolvers } from "../../lib/with-resolvers.js";
import { KeptWorker, type WorkerProcess } from "../../worker-process/kept-worker.js";
import type { LifeFromWorker } from "../../worker-process/life-messages.js";
import { ChannelLost, ProtocolBreak } from "../fault.js";
import type { OpenStream } from "../guest.js";
import { type Hello, untilGreeted } from "../hello.js";
import { AgentSession } from "../session.js";
import { FromRelay, type ToRelay } from "./messages.js";
import type { GuestRelay } from "./relay.js";
import { SocketPairs } from "./socket-pairs.js";

export interface RelayOptions {
  readonly startWorker: () => WorkerProcess<ToRelay>;
  /** Of a socket that nobody else may reach; it is made, and replaced where it is there. */
  readonly socketPath: string;
  readonly logger: Pick<Logger, "error" | "warn">;
  readonly silenceMs?: number;
}

export function createRelay(options: RelayOptions): GuestRelay {
  return new Relay(options);
}

/** Settled when the hello is answered, or will not be. */
type Greeting = ReturnType<typeof withResolvers<void>>;

class Relay implements GuestRelay {
  readonly #process: KeptWorker<ToRelay, FromRelay>;
  readonly #pairs: SocketPairs;
  readonly #greetings = new Map<number, Greeting>();
  /** Of those who wait for a process. */
  readonly #waiting = new Set<() => void>();
  #lastId = 0;

  constructor({ startWorker: start, socketPath, logger, silenceMs }: RelayOptions) {
    this.#pairs = new SocketPairs(socketPath);
    this.#process = new KeptWorker({
      name: "The relay of the agents' answers",
      loss: "calls of sandboxes that were under way may fail",
      ...{ start, messages: FromRelay, logger, silenceMs },
      hooks: {
        onReady: () => this.#onReady(),
        onMessage: (message) => this.#take(message),
        onGone: () => this.#onGone(),
      },
    });
    this.#process.begin();
  }

  async openSession(open: OpenStream, hello: Hello, signal: AbortSignal): Promise<AgentSession> {
    return await untilGreeted(hello, signal, async () => {
      // A process that starts is no silence of the agent's.
      await this.#untilReady(signal);
      return await this.#greet(open, hello, signal);
    });
  }

  get restarts(): number {
    return this.#process.restarts;
  }

  async close(): Promise<void> {
    await this.#process.close();
    await this.#pairs.close();
  }

  async #greet(open: OpenStream, hello: Hello, signal: AbortSignal): Promise<AgentSession> {
    using deadline = withDeadline(signal, hello.patience.answerTimeoutMs);
    const stream = await open(hello.name, deadline.signal);
    if (!(stream instanceof Socket)) {
      stream.destroy();
      throw new Error("a stream that is no socket cannot be handed to the relay");
    }
    const session = ++this.#lastId;
    const { generation, patience } = hello;
    const greeting = withResolvers<void>();
    this.#greetings.set(session, greeting);
    greeting.promise.catch(() => {});
    this.#process.send(
      { kind: "serve", session, generation, answerTimeoutMs: patience.answerTimeoutMs },
      stream.on("error", () => {}),
    );
    let line: Socket | undefined;
    try {
      const pair = await this.#pairs.make();
      line = pair.near;
      this.#process.send({ kind: "line", session, of: "call" }, pair.far);
      await untilAborted(greeting.promise, deadline.signal);
      return new AgentSession(line, { openPortLine: () => this.#openPortLine(session) });
    } catch (error) {
      line?.destroy();
      this.#process.send({ kind: "end", session });
      throw error;
    } finally {
      this.#greetings.delete(session);
    }
  }

  async #openPortLine(session: number): Promise<Socket> {
    const { near, far } = await this.#pairs.make({ isNearUnread: true });
    this.#process.send({ kind: "line", session, of: "port" }, near);
    return far;
  }

  async #untilReady(signal: AbortSignal): Promise<void> {
    if (this.#process.isReady) return;
    const { promise, resolve } = withResolvers<void>();
    this.#waiting.add(resolve);
    try {
      await untilAborted(promise, signal);
    } finally {
      this.#waiting.delete(resolve);
    }
  }

  #onReady(): void {
    for (const ready of this.#waiting) ready();
  }

  /** Its lines end with it; greetings have none yet. */
  #onGone(): void {
    for (const greeting of this.#greetings.values()) greeting.reject(new ChannelLost("the relay ended"));
  }

  #take(message: Exclude<FromRelay, LifeFromWorker>): void {
    const greeting = this.#greetings.get(message.session);
    if (message.kind === "greeted") greeting?.resolve();
    else greeting?.reject(message.isBreak ? new ProtocolBreak(message.reason) : new ChannelLost(message.reason));
  }
}
