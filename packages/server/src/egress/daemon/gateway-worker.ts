/** One process of the gateway: the sessions that the daemon handed to it, and the settings that it was told. */
import type { Logger } from "pino";
import { ChannelLost } from "../../guest/fault.js";
import { KeptWorker, type WorkerProcess } from "../../worker-process/kept-worker.js";
import type { LifeFromWorker } from "../../worker-process/life-messages.js";
import type { EgressSettings, NameEntry } from "../gateway.js";
import { FromWorker, type ToWorker } from "../messages.js";
import type { HandedSession } from "./handed-session.js";

export type AboutSandboxes = Exclude<FromWorker, LifeFromWorker>;

export interface GatewayWorkerOptions {
  /** As the log calls it. */
  readonly name: string;
  readonly start: () => WorkerProcess<ToWorker>;
  readonly logger: Pick<Logger, "error" | "warn">;
  readonly silenceMs: number | undefined;
  readonly hooks: {
    /** It takes messages, and knows of no sandbox. */
    onReady(worker: GatewayWorker): void;
    onMessage(message: AboutSandboxes, worker: GatewayWorker): void;
    /** It ended by itself, with the sessions of these sandboxes. */
    onCrash(served: readonly string[]): void;
    /** The last session is over. */
    onIdle(worker: GatewayWorker): void;
    /** Before a session of a sandbox that it was told nothing of. */
    onUnknown(sandboxId: string, worker: GatewayWorker): void;
  };
}

export class GatewayWorker {
  readonly #hooks: GatewayWorkerOptions["hooks"];
  readonly #process: KeptWorker<ToWorker, FromWorker>;
  readonly #sessions = new Map<number, HandedSession>();
  readonly #told = new Set<string>();
  /** Of `apply`, until the process answers. */
  readonly #applying = new Map<number, (fault: string | undefined) => void>();
  #lastRequest = 0;
  #isClosed = false;

  constructor({ name, start, logger, silenceMs, hooks }: GatewayWorkerOptions) {
    this.#hooks = hooks;
    this.#process = new KeptWorker({
      ...{ name, start, logger, silenceMs, messages: FromWorker },
      loss: "connections of sandboxes are cut",
      hooks: {
        onReady: () => this.#onReady(),
        onMessage: (message) => this.#take(message),
        onGone: () => this.#onGone(),
      },
    });
  }

  get restarts(): number {
    return this.#process.restarts;
  }

  /** Whether it was told of the sandbox, or serves it. */
  concerns(sandboxId: string): boolean {
    return (
      this.#told.has(sandboxId) || [...this.#sessions.values()].some(({ handing }) => handing.sandboxId === sandboxId)
    );
  }

  sandboxOf(session: number): string | undefined {
    return this.#sessions.get(session)?.handing.sandboxId;
  }

  send(message: ToWorker): void {
    this.#process.send(message);
  }

  serve(session: HandedSession): void {
    const { id } = session.handing;
    this.#process.begin();
    this.#sessions.set(id, session);
    void session.ended.then(() => this.#forget(id));
    if (this.#process.isReady) this.#handOver(session);
  }

  endSession(id: number): void {
    if (this.#sessions.has(id)) this.#process.send({ kind: "end", session: id });
  }

  /** Ends the sessions of these sandboxes: they connect anew, and may be served elsewhere. */
  sendAway(isAway: (sandboxId: string) => boolean): void {
    for (const session of [...this.#sessions.values()]) {
      if (isAway(session.handing.sandboxId)) session.end(new ChannelLost("another process serves it"));
    }
  }

  over(id: number, fault: Error): void {
    this.#sessions.get(id)?.over(fault);
  }

  /** Answers with the fault of settings that are refused. Where no process is there, what is not in force does no harm: nothing passes. */
  apply(sandboxId: string, settings: EgressSettings, names: readonly NameEntry[]): Promise<string | undefined> {
    if (!this.#process.isReady) return Promise.resolve(undefined);
    this.#told.add(sandboxId);
    const request = ++this.#lastRequest;
    const answered = new Promise<string | undefined>((resolve) => this.#applying.set(request, resolve));
    this.#process.send({ kind: "apply", request, sandboxId, settings: toMessage(settings, names) });
    return answered;
  }

  remove(sandboxId: string): void {
    this.#told.delete(sandboxId);
    this.#process.send({ kind: "remove", sandboxId });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#process.close();
  }

  #onReady(): void {
    this.#hooks.onReady(this);
    for (const session of this.#sessions.values()) this.#handOver(session);
  }

  #handOver(session: HandedSession): void {
    const { id, sandboxId, generation } = session.handing;
    if (!this.#told.has(sandboxId)) this.#hooks.onUnknown(sandboxId, this);
    const socket = session.takeSocket();
    if (socket !== undefined) this.#process.send({ kind: "serve", session: id, sandboxId, generation }, socket);
  }

  #onGone(): void {
    this.#told.clear();
    for (const answer of this.#applying.values()) answer(undefined);
    this.#applying.clear();
    const handed = [...this.#sessions.values()].filter(({ isHanded, isOver }) => isHanded && !isOver);
    // Before any of them is connected anew: it may be served elsewhere then.
    if (!this.#isClosed) this.#hooks.onCrash([...new Set(handed.map(({ handing }) => handing.sandboxId))]);
    for (const session of handed) session.over(new ChannelLost("the egress gateway ended"));
  }

  #take(message: AboutSandboxes): void {
    if (message.kind === "applied") {
      this.#applying.get(message.request)?.(message.fault);
      this.#applying.delete(message.request);
    } else {
      this.#hooks.onMessage(message, this);
    }
  }

  #forget(session: number): void {
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.#hooks.onIdle(this);
  }
}

function toMessage(settings: EgressSettings, names: readonly NameEntry[]) {
  const { policy, secrets, secretHosts, placeholders, routes, ...rest } = settings;
  return {
    ...rest,
    ...{ policy, names: [...names], resolverOverrides: { ...settings.resolverOverrides } },
    ...(secrets && { secrets: { ...secrets } }),
    ...(secretHosts && { secretHosts: copied(secretHosts) }),
    ...(placeholders && { placeholders: placeholders.map(({ hosts, ...each }) => ({ ...each, hosts: [...hosts] })) }),
    ...(routes && { routes: { ...routes } }),
  };
}

function copied(hosts: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(hosts).map(([name, patterns]) => [name, [...patterns]]));
}
