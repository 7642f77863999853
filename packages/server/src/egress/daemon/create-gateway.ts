/** The daemon's side of the egress gateway: settings and names that it holds for the process, and what the process asks of it. */
import type { Duplex } from "node:stream";
import type { EgressDecision } from "@alcove/contract";
import type { Logger } from "pino";
import { ChannelLost, ProtocolBreak } from "../../guest/fault.js";
import type { ServeHost } from "../../guest/host-side.js";
import type { WorkerProcess } from "../../worker-process/kept-worker.js";
import { type Blame, type Place, Suspects, type SuspicionPace } from "../../worker-process/suspects.js";
import type { EgressGateway, EgressSettings, NameEntry, Traffic } from "../gateway.js";
import type { FromWorker, ToWorker } from "../messages.js";
import { type AboutSandboxes, GatewayWorker } from "./gateway-worker.js";
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
  /** How sandboxes are dealt with that make the process end again and again; as usual when left out. */
  readonly suspicion?: SuspicionPace;
}

export interface TokenAsked {
  readonly group: string;
  readonly sandboxId: string;
  readonly resource: string;
}

export type TokenIssued = Omit<Extract<ToWorker, { kind: "token" }>, "kind" | "request">;

const workerNames: Readonly<Record<Place, string>> = {
  common: "The egress gateway",
  suspects: "The egress gateway's process for suspects",
  blamed: "The egress gateway's process for those that ended it",
  "blamed suspects": "The egress gateway's process for suspects among those that ended it",
};
const omittedEveryMs = 60_000;
/** Of sandboxes in one line of the log. */
const toldAtOnce = 20;

export function createGateway(options: GatewayOptions): EgressGateway {
  return new Gateway(options);
}

type Message<K extends FromWorker["kind"]> = Extract<FromWorker, { kind: K }>;

class Gateway implements EgressGateway {
  readonly #options: GatewayOptions;
  /** Serves all but those who may be, or are, the ones that make it end. */
  readonly #common: GatewayWorker;
  readonly #apart = new Map<Place, GatewayWorker>();
  readonly #suspects: Suspects;
  readonly #listeners = new Set<(sandboxId: string, decision: EgressDecision) => void>();
  readonly #omittedListeners = new Set<(sandboxId: string, omitted: number) => void>();
  readonly #trafficListeners = new Set<(sandboxId: string, traffic: Traffic) => void>();
  readonly #refusedListeners = new Set<(sandboxId: string, until: number) => void>();
  readonly #settings = new Map<string, EgressSettings>();
  readonly #names = new Map<string, Map<number, string>>();
  readonly #sessions = new Set<HandedSession>();
  #lastId = 0;
  #closedRestarts = 0;
  readonly #closing = new Set<Promise<void>>();
  /** By sandbox. */
  readonly #tellOmittedAfter = new Map<string, number>();

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#suspects = new Suspects(options.suspicion);
    this.#common = this.#worker("common");
  }

  async apply(sandboxId: string, settings: EgressSettings): Promise<void> {
    this.#settings.set(sandboxId, settings);
    this.#names.set(sandboxId, new Map(settings.names.map(({ index, name }) => [index, name])));
    const told = this.#workers().filter((worker) => worker === this.#common || worker.concerns(sandboxId));
    const fault = await this.#putInForce(sandboxId, told);
    if (fault !== undefined) throw new Error(`the egress settings were not taken: ${fault}`);
  }

  remove(sandboxId: string): void {
    this.#settings.delete(sandboxId);
    this.#names.delete(sandboxId);
    this.#tellOmittedAfter.delete(sandboxId);
    for (const worker of this.#workers()) worker.remove(sandboxId);
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

  onRefused(listener: (sandboxId: string, until: number) => void): () => void {
    this.#refusedListeners.add(listener);
    return () => void this.#refusedListeners.delete(listener);
  }

  serveHost(sandboxId: string): ServeHost {
    return (stream: Duplex, { generation }) => {
      const id = ++this.#lastId;
      const end = () => {
        for (const worker of this.#workers()) worker.endSession(id);
      };
      const session = new HandedSession(stream, { id, sandboxId, generation }, end);
      this.#sessions.add(session);
      void session.ended.then(() => this.#sessions.delete(session));
      this.#place(session);
      return session;
    };
  }

  get restarts(): number {
    return this.#workers().reduce((sum, worker) => sum + worker.restarts, this.#closedRestarts);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers().map((worker) => worker.close()), ...this.#closing]);
    for (const session of this.#sessions) session.end(new ChannelLost("the daemon stops"));
  }

  #workers(): GatewayWorker[] {
    return [this.#common, ...this.#apart.values()];
  }

  #worker(place: Place): GatewayWorker {
    const { startWorker: start, logger, silenceMs } = this.#options;
    const hooks = {
      onReady: (worker: GatewayWorker) => this.#tellAll(worker),
      onMessage: (message: AboutSandboxes, worker: GatewayWorker) => this.#take(message, worker),
      onCrash: (served: readonly string[]) => this.#crashed(place, served),
      onIdle: (worker: GatewayWorker) => this.#idle(place, worker),
      onUnknown: (sandboxId: string, worker: GatewayWorker) => void this.#putInForce(sandboxId, [worker]),
    };
    return new GatewayWorker({ name: workerNames[place], start, logger, silenceMs, hooks });
  }

  /** One that is refused is held, unread, until it is not: its programs find no network meanwhile. */
  #place(session: HandedSession): void {
    if (session.isOver) return;
    const { sandboxId } = session.handing;
    const now = performance.now();
    const refusedForMs = this.#suspects.refusedForMs(sandboxId, now);
    if (refusedForMs > 0) {
      const timer = setTimeout(() => this.#place(session), refusedForMs);
      void session.ended.then(() => clearTimeout(timer));
    } else {
      this.#workerAt(this.#suspects.placeOf(sandboxId, now)).serve(session);
    }
  }

  #workerAt(place: Place): GatewayWorker {
    if (place === "common") return this.#common;
    const worker = this.#apart.get(place) ?? this.#worker(place);
    this.#apart.set(place, worker);
    return worker;
  }

  #crashed(place: Place, served: readonly string[]): void {
    const blame = this.#suspects.ended(place, served, performance.now());
    if (blame !== undefined) this.#refuse(blame);
    const { apart } = this.#suspects;
    if (apart.length === 0) return;
    const sentence =
      "The egress gateway ended again: some sandboxes are served by a process apart, to see which of them ends it";
    this.#options.logger.warn({ count: apart.length, sandboxes: apart.slice(0, toldAtOnce) }, sentence);
  }

  #refuse({ id, refusedForMs }: Blame): void {
    const sentence = "A sandbox ended the egress gateway's process again and again: it has no network for a while";
    this.#options.logger.error({ sandbox: id, refusedForMs }, sentence);
    // Those that were suspected beside it are not served where it will be.
    const now = performance.now();
    for (const [place, worker] of this.#apart)
      worker.sendAway((sandboxId) => this.#suspects.placeOf(sandboxId, now) !== place);
    for (const listener of this.#refusedListeners) listener(id, Date.now() + refusedForMs);
  }

  #idle(place: Place, worker: GatewayWorker): void {
    if (this.#apart.get(place) !== worker) return;
    this.#apart.delete(place);
    const closed = worker.close().then(() => {
      this.#closedRestarts += worker.restarts;
      this.#closing.delete(closed);
    });
    this.#closing.add(closed);
  }

  #tellAll(worker: GatewayWorker): void {
    if (worker === this.#common)
      for (const sandboxId of this.#settings.keys()) void this.#putInForce(sandboxId, [worker]);
  }

  /** Answers with the fault of settings that a process refuses; the sandbox then reaches nothing, whatever it might before. */
  async #putInForce(sandboxId: string, workers: readonly GatewayWorker[]): Promise<string | undefined> {
    const settings = this.#settings.get(sandboxId);
    if (settings === undefined) return undefined;
    const names = [...(this.#names.get(sandboxId) ?? [])].map(([index, name]) => ({ index, name }));
    const faults = await Promise.all(workers.map((worker) => worker.apply(sandboxId, settings, names)));
    const fault = faults.find((each) => each !== undefined);
    // Others may have taken their place.
    if (fault === undefined || this.#settings.get(sandboxId) !== settings) return fault;
    this.#settings.set(sandboxId, nothingOf(settings.group));
    this.#names.set(sandboxId, new Map());
    for (const worker of this.#workers()) worker.remove(sandboxId);
    const sentence = "What a sandbox may reach was refused by the egress gateway: it reaches nothing";
    this.#options.logger.error({ sandbox: sandboxId, fault }, sentence);
    return fault;
  }

  #take(message: AboutSandboxes, worker: GatewayWorker): void {
    if (message.kind === "over") this.#over(message, worker);
    else if (message.kind === "record") this.#record(message, worker);
    else if (message.kind === "issue") void this.#issue(message, worker);
    else if (message.kind === "token") void this.#token(message, worker);
    else if (message.kind === "traffic") this.#passed(message);
    else if (message.kind === "decided") this.#decided(message);
  }

  /** Also of a sandbox that has just stopped: it is not known here any more. */
  #passed({ traffic }: Message<"traffic">): void {
    for (const { sandboxId, ...passed } of traffic) {
      for (const listener of this.#trafficListeners) listener(sandboxId, passed);
    }
  }

  #over({ session, isBreak, reason }: Message<"over">, worker: GatewayWorker): void {
    const sandbox = worker.sandboxOf(session);
    if (isBreak) this.#options.logger.warn({ sandbox, reason }, "A sandbox broke the protocol of its network");
    worker.over(session, isBreak ? new ProtocolBreak(reason) : new ChannelLost(reason));
  }

  #record({ request, sandboxId, entry }: Message<"record">, worker: GatewayWorker): void {
    worker.send({ kind: "recorded", request, isDone: this.#recordName(sandboxId, entry) });
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

  async #issue({ request, sandboxId, host }: Message<"issue">, worker: GatewayWorker): Promise<void> {
    const answer: ToWorker = { kind: "issued", request };
    try {
      const settings = this.#settings.get(sandboxId);
      if (settings === undefined) throw new Error("no such sandbox");
      const { certificate, key } = await this.#options.issueCertificate(settings.group, host);
      worker.send({ ...answer, issued: { certificate, key } });
    } catch (error) {
      this.#options.logger.warn({ err: error, sandbox: sandboxId }, "A certificate could not be issued");
      worker.send(answer);
    }
  }

  async #token({ request, sandboxId, resource }: Message<"token">, worker: GatewayWorker): Promise<void> {
    const answer = { kind: "token", request } as const;
    try {
      const settings = this.#settings.get(sandboxId);
      if (settings?.identity === undefined) throw new Error("no such sandbox, or one without an identity");
      const issued = await this.#options.issueToken({ group: settings.group, sandboxId, resource });
      worker.send({ ...answer, ...issued });
    } catch (error) {
      this.#options.logger.warn({ err: error, sandbox: sandboxId }, "A token could not be issued");
      worker.send({ ...answer, fault: "unavailable" });
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
