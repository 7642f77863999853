/** The daemon's side of the egress gateway: settings and names that it holds for the process, and what the process asks of it. */
import type { Duplex } from "node:stream";
import type { EgressDecision } from "@alcove/contract";
import type { Logger } from "pino";
import { ChannelLost, ProtocolBreak } from "../../guest/fault.js";
import type { ServeHost } from "../../guest/host-side.js";
import { KeptWorker, type WorkerProcess } from "../../worker-process/kept-worker.js";
import type { LifeFromWorker } from "../../worker-process/life-messages.js";
import type { EgressGateway, EgressSettings, NameEntry, Traffic } from "../gateway.js";
import { FromWorker, type ToWorker } from "../messages.js";
import { HandedSession } from "./handed-session.js";

export interface GatewayOptions {
  readonly startWorker: () => WorkerProcess<ToWorker>;
  /** Puts a name on record; throws where it cannot. */
  readonly recordName: (sandboxId: string, entry: NameEntry) => void;
  /** For TLS that is opened: PEM of a certificate for the host, from the group's authority. */
  readonly issueCertificate: (
    group: string,
    host: string,
  ) => Promise<{ readonly certificate: string; readonly key: string }>;
  /** A token of the group for the sandbox. */
  readonly issueToken: (asked: TokenAsked) => Promise<TokenIssued>;
  readonly logger: Pick<Logger, "error" | "warn">;
  /** A process that says nothing for so long, though it is asked, is ended; 15 s when left out. */
  readonly silenceMs?: number;
}

export interface TokenAsked {
  readonly group: string;
  readonly sandboxId: string;
  readonly resource: string;
}

export type TokenIssued = Omit<Extract<ToWorker, { kind: "token" }>, "kind" | "request">;

const omittedEveryMs = 60_000;

export function createGateway(options: GatewayOptions): EgressGateway {
  return new Gateway(options);
}

type AboutSandboxes = Exclude<FromWorker, LifeFromWorker>;
type Message<K extends FromWorker["kind"]> = Extract<FromWorker, { kind: K }>;

class Gateway implements EgressGateway {
  readonly #options: GatewayOptions;
  readonly #process: KeptWorker<ToWorker, FromWorker>;
  readonly #listeners = new Set<(sandboxId: string, decision: EgressDecision) => void>();
  readonly #omittedListeners = new Set<(sandboxId: string, omitted: number) => void>();
  readonly #trafficListeners = new Set<(sandboxId: string, traffic: Traffic) => void>();
  readonly #settings = new Map<string, EgressSettings>();
  readonly #names = new Map<string, Map<number, string>>();
  readonly #sessions = new Map<number, HandedSession>();
  /** Of `apply`, until the process answers. */
  readonly #applying = new Map<number, (fault: string | undefined) => void>();
  #lastId = 0;
  /** By sandbox. */
  readonly #tellOmittedAfter = new Map<string, number>();

  constructor(options: GatewayOptions) {
    this.#options = options;
    const hooks = {
      onReady: () => this.#onReady(),
      onMessage: (message: AboutSandboxes) => this.#take(message),
      onGone: () => this.#onGone(),
    };
    const { startWorker: start, logger, silenceMs } = options;
    this.#process = new KeptWorker({
      name: "The egress gateway",
      loss: "connections of sandboxes are cut",
      ...{ start, messages: FromWorker, hooks, logger, silenceMs },
    });
  }

  async apply(sandboxId: string, settings: EgressSettings): Promise<void> {
    this.#settings.set(sandboxId, settings);
    this.#names.set(sandboxId, new Map(settings.names.map(({ index, name }) => [index, name])));
    const fault = await this.#putInForce(sandboxId);
    if (fault !== undefined) throw new Error(`the egress settings were not taken: ${fault}`);
  }

  remove(sandboxId: string): void {
    this.#settings.delete(sandboxId);
    this.#names.delete(sandboxId);
    this.#tellOmittedAfter.delete(sandboxId);
    this.#process.send({ kind: "remove", sandboxId });
  }

  onDecision(listener: (sandboxId: string, decision: EgressDecision) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  onOmitted(listener: (sandboxId: string, omitted: number) => void): () => void {
    this.#omittedListeners.add(listener);
    return () => void this.#omittedListeners.delete(listener);
  }

  onTraffic(listener: (sandboxId: string, traffic: Traffic) => void): () => void {
    this.#trafficListeners.add(listener);
    return () => void this.#trafficListeners.delete(listener);
  }

  serveHost(sandboxId: string): ServeHost {
    return (stream: Duplex, { generation }) => {
      this.#process.begin();
      const id = ++this.#lastId;
      const end = () => void this.#process.send({ kind: "end", session: id });
      const session = new HandedSession(stream, { id, sandboxId, generation }, end);
      this.#sessions.set(id, session);
      void session.ended.then(() => this.#sessions.delete(id));
      if (this.#process.isReady) this.#handOver(session);
      return session;
    };
  }

  get restarts(): number {
    return this.#process.restarts;
  }

  async close(): Promise<void> {
    await this.#process.close();
    for (const session of this.#sessions.values()) session.end(new ChannelLost("the daemon stops"));
  }

  /** Answers with the fault of settings that the process refuses; the sandbox then reaches nothing, whatever it might before. */
  async #putInForce(sandboxId: string): Promise<string | undefined> {
    const settings = this.#settings.get(sandboxId);
    const fault = await this.#sendSettings(sandboxId);
    // Others may have taken their place.
    if (fault === undefined || settings === undefined || this.#settings.get(sandboxId) !== settings) return fault;
    this.#settings.set(sandboxId, nothingOf(settings.group));
    this.#names.set(sandboxId, new Map());
    this.#process.send({ kind: "remove", sandboxId });
    const sentence = "What a sandbox may reach was refused by the egress gateway: it reaches nothing";
    this.#options.logger.error({ sandbox: sandboxId, fault }, sentence);
    return fault;
  }

  /** Where no process is there, what is not in force does no harm: nothing passes, and the next one has it before any sandbox. */
  #sendSettings(sandboxId: string): Promise<string | undefined> {
    const settings = this.#settings.get(sandboxId);
    if (settings === undefined || !this.#process.isReady) return Promise.resolve(undefined);
    const names = [...(this.#names.get(sandboxId) ?? [])].map(([index, name]) => ({ index, name }));
    const request = ++this.#lastId;
    const answered = new Promise<string | undefined>((resolve) => this.#applying.set(request, resolve));
    this.#process.send({ kind: "apply", request, sandboxId, settings: toMessage(settings, names) });
    return answered;
  }

  #onReady(): void {
    for (const sandboxId of this.#settings.keys()) void this.#putInForce(sandboxId);
    for (const session of this.#sessions.values()) this.#handOver(session);
  }

  #onGone(): void {
    for (const answer of this.#applying.values()) answer(undefined);
    this.#applying.clear();
    for (const session of this.#sessions.values()) {
      if (session.isHanded) session.over(new ChannelLost("the egress gateway ended"));
    }
  }

  #handOver(session: HandedSession): void {
    const { id, sandboxId, generation } = session.handing;
    const socket = session.takeSocket();
    if (socket !== undefined) this.#process.send({ kind: "serve", session: id, sandboxId, generation }, socket);
  }

  #take(message: AboutSandboxes): void {
    if (message.kind === "applied") this.#applied(message);
    else if (message.kind === "over") this.#over(message);
    else if (message.kind === "record") this.#record(message);
    else if (message.kind === "issue") void this.#issue(message);
    else if (message.kind === "token") void this.#token(message);
    else if (message.kind === "traffic") this.#passed(message);
    else this.#decided(message);
  }

  /** Also of a sandbox that has just stopped: it is not known here any more. */
  #passed({ traffic }: Message<"traffic">): void {
    for (const { sandboxId, ...passed } of traffic) {
      for (const listener of this.#trafficListeners) listener(sandboxId, passed);
    }
  }

  #applied({ request, fault }: Message<"applied">): void {
    this.#applying.get(request)?.(fault);
    this.#applying.delete(request);
  }

  #over({ session, isBreak, reason }: Message<"over">): void {
    const handed = this.#sessions.get(session);
    const { sandboxId } = handed?.handing ?? {};
    if (isBreak)
      this.#options.logger.warn({ sandbox: sandboxId, reason }, "A sandbox broke the protocol of its network");
    handed?.over(isBreak ? new ProtocolBreak(reason) : new ChannelLost(reason));
  }

  #record({ request, sandboxId, entry }: Message<"record">): void {
    this.#process.send({ kind: "recorded", request, isDone: this.#recordName(sandboxId, entry) });
  }

  /** Of a sandbox that is known, and never a second name for an index. */
  #recordName(sandboxId: string, entry: NameEntry): boolean {
    const names = this.#names.get(sandboxId);
    const taken = names?.get(entry.index);
    if (names === undefined || (taken !== undefined && taken !== entry.name)) return false;
    try {
      this.#options.recordName(sandboxId, entry);
    } catch (error) {
      this.#options.logger.warn({ err: error, sandbox: sandboxId }, "A name of a sandbox could not be put on record");
      return false;
    }
    names.set(entry.index, entry.name);
    return true;
  }

  async #issue({ request, sandboxId, host }: Message<"issue">): Promise<void> {
    const answer: ToWorker = { kind: "issued", request };
    try {
      const settings = this.#settings.get(sandboxId);
      if (settings === undefined) throw new Error("no such sandbox");
      const { certificate, key } = await this.#options.issueCertificate(settings.group, host);
      this.#process.send({ ...answer, issued: { certificate, key } });
    } catch (error) {
      this.#options.logger.warn({ err: error, sandbox: sandboxId }, "A certificate could not be issued");
      this.#process.send(answer);
    }
  }

  async #token({ request, sandboxId, resource }: Message<"token">): Promise<void> {
    const answer = { kind: "token", request } as const;
    try {
      const settings = this.#settings.get(sandboxId);
      if (settings?.identity === undefined) throw new Error("no such sandbox, or one without an identity");
      const issued = await this.#options.issueToken({ group: settings.group, sandboxId, resource });
      this.#process.send({ ...answer, ...issued });
    } catch (error) {
      this.#options.logger.warn({ err: error, sandbox: sandboxId }, "A token could not be issued");
      this.#process.send({ ...answer, fault: "unavailable" });
    }
  }

  #decided({ sandboxId, decisions, omitted }: Message<"decided">): void {
    if (!this.#settings.has(sandboxId)) return;
    for (const decision of decisions) {
      for (const listener of this.#listeners) listener(sandboxId, decision);
    }
    if (omitted === 0) return;
    for (const listener of this.#omittedListeners) listener(sandboxId, omitted);
    this.#logOmitted(sandboxId, omitted);
  }

  /** Now and then: the sandbox could fill the log with it. */
  #logOmitted(sandboxId: string, omitted: number): void {
    if (performance.now() < (this.#tellOmittedAfter.get(sandboxId) ?? 0)) return;
    this.#tellOmittedAfter.set(sandboxId, performance.now() + omittedEveryMs);
    const sentence = "A sandbox tries more at once than is taken down: some egress decisions have no line of their own";
    this.#options.logger.warn({ sandbox: sandboxId, omitted }, sentence);
  }
}

function nothingOf(group: string): EgressSettings {
  return { group, policy: { defaultAction: "Deny" }, names: [], resolverOverrides: {}, upstreamCertificates: "" };
}

function toMessage(settings: EgressSettings, names: NameEntry[]) {
  const { policy, secrets, secretHosts, placeholders, routes, ...rest } = settings;
  return {
    ...rest,
    ...{ policy, names, resolverOverrides: { ...settings.resolverOverrides } },
    ...(secrets && { secrets: { ...secrets } }),
    ...(secretHosts && { secretHosts: copied(secretHosts) }),
    ...(placeholders && { placeholders: placeholders.map(({ hosts, ...each }) => ({ ...each, hosts: [...hosts] })) }),
    ...(routes && { routes: { ...routes } }),
  };
}

function copied(hosts: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(hosts).map(([name, patterns]) => [name, [...patterns]]));
}
