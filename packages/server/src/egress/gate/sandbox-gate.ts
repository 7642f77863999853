/** All that the gateway holds of one sandbox: what is in force, its names, its connections under way. */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { EgressDecision, ValueRef } from "@alcove/contract";
import { Semaphore } from "../../lib/semaphore.js";
import { TokenBucket } from "../../lib/token-bucket.js";
import { type CompiledEgress, compileEgress } from "../../policy/egress/compile.js";
import { mustOpen } from "../../policy/egress/names.js";
import { answerDns } from "../dns/answer.js";
import { NameTable } from "../dns/name-table.js";
import type { EchoFilter } from "../echoes/echo-filter.js";
import { Connection } from "../flow/connection.js";
import type { Destination } from "../flow/destination.js";
import { dial, type RouteTarget } from "../flow/dial.js";
import { secure, trustOf } from "../flow/dial-tls.js";
import type { Dialled } from "../flow/dialling.js";
import type { FlowGate } from "../flow/flow-gate.js";
import type { Lookup } from "../flow/lookup.js";
import type { Program } from "../flow/program.js";
import { Resolution } from "../flow/resolution.js";
import type { EgressSettings, NameEntry, UpstreamRoute, Way } from "../gateway.js";
import type { DialTarget, TlsCertificate, ValueOf } from "../http/flow.js";
import type { PlacedValue } from "../http/placed-values.js";
import { noteServerAddress } from "../http/server-address.js";
import { WindowBudget } from "../http/window-budget.js";
import { identityAddress, identityPort } from "../identity/endpoints.js";
import { IdentityEndpoint } from "../identity/identity-endpoint.js";
import { type AskForToken, TokenSource } from "../identity/token-source.js";
import { OwnValues } from "./own-values.js";
import { countTraffic, type TrafficCount } from "./traffic-count.js";

export interface GateHooks {
  readonly sandboxId: string;
  /** Fulfils when the name is on record. */
  record(entry: NameEntry): Promise<void>;
  /** Of the sandbox's group. */
  certificate(group: string, host: string): Promise<TlsCertificate>;
  /** Of the sandbox's group. */
  token: AskForToken;
  decided(decision: EgressDecision): void;
  /** What is being counted: to be asked for anew each time. */
  traffic(): TrafficCount;
  /** Of all sandboxes together. */
  readonly lookup: Lookup;
}

/** What a sandbox has before anything was said about it. */
const nothingAllowed: EgressSettings = {
  ...{ group: "", policy: { defaultAction: "Deny" }, names: [], resolverOverrides: {}, upstreamCertificates: "" },
};
const direct: UpstreamRoute = { type: "Direct" };
const maximumRequests = 1_024;
/** Beyond the windows that streams have anyway, which 1,024 requests have 64 MiB of. */
const windowBytes = 32 * 1024 * 1024;
/** Questions at once to endpoints of rules. */
const maximumAsking = 32;

export class SandboxGate implements FlowGate {
  readonly #hooks: GateHooks;
  readonly #names: NameTable;
  readonly #resolution: Resolution;
  readonly #connections = new Set<Connection>();
  readonly #openings = bucket({ atOnce: 2_048, aSecond: 512 });
  readonly #questions = bucket({ atOnce: 200, aSecond: 50 });
  readonly #asking = new Semaphore(maximumAsking);
  readonly windows = new WindowBudget(windowBytes);
  readonly #values: OwnValues;
  readonly #identity: IdentityEndpoint;
  #settings = nothingAllowed;
  #compiled = compileEgress(nothingAllowed.policy);
  #requests = 0;

  constructor(hooks: GateHooks) {
    this.#hooks = hooks;
    this.#resolution = new Resolution({ lookup: hooks.lookup });
    this.#names = new NameTable((entry) => hooks.record(entry));
    const tokens = new TokenSource((resource) => hooks.token(resource));
    this.#values = new OwnValues(tokens, nothingAllowed);
    this.#identity = new IdentityEndpoint({
      tokens,
      header: () => this.#settings.identity?.header,
      decided: (decision) => this.decided(decision),
    });
  }

  get group(): string {
    return this.#settings.group;
  }

  /** Whether it ever had any of its own. */
  get hasSettings(): boolean {
    return this.#settings !== nothingAllowed;
  }

  get connections(): number {
    return this.#connections.size;
  }

  apply(settings: EgressSettings): void {
    this.#compiled = compileEgress(settings.policy);
    this.#values.apply(settings);
    this.#settings = settings;
    this.#names.replace(settings.names);
    for (const connection of this.#connections) connection.recheck();
  }

  /** Whether there were not too many of late; counts one. */
  mayOpen(): boolean {
    return this.#openings.take(performance.now()) === 0;
  }

  /** From now on what passes through the stream is counted as the sandbox's. */
  count(stream: Duplex): void {
    countTraffic(stream, () => this.#hooks.traffic());
  }

  open(program: Program, destination: Destination): void {
    this.#hooks.traffic().connections++;
    const connection = new Connection(this, program, destination);
    this.#connections.add(connection);
    program.stream.once("close", () => this.#connections.delete(connection));
    void connection.serve();
  }

  answerDns(message: Buffer): Promise<Buffer | undefined> {
    return answerDns(message, {
      names: this.#names,
      compiled: () => this.#compiled,
      mayAsk: () => this.#questions.take(performance.now()) === 0,
      decided: (decision) => this.decided(decision),
    });
  }

  compiled(): CompiledEgress {
    return this.#compiled;
  }

  nameOf(index: number): string | undefined {
    return this.#names.nameOf(index);
  }

  wayOf(asked: string | undefined): Way {
    const { routes = {}, defaultRoute } = this.#settings;
    const name = asked ?? defaultRoute;
    if (name === undefined) return { name, route: direct };
    return { name, route: Object.hasOwn(routes, name) ? routes[name] : undefined };
  }

  dial(target: RouteTarget, signal: AbortSignal): Promise<Dialled> {
    const context = {
      ...{ resolution: this.#resolution, overrides: this.#settings.resolverOverrides },
      compiled: () => this.#compiled,
      routeOf: (name: string | undefined) => this.wayOf(name).route,
    };
    return dial(context, target, signal);
  }

  async dialFor({ tls, protocols, ...target }: DialTarget, signal: AbortSignal): Promise<Socket> {
    const { socket, address } = await this.dial(target, signal);
    const trust = trustOf(this.#settings.upstreamCertificates);
    const made = tls ? await secure(socket, { host: target.host, protocols, trust }, signal) : socket;
    noteServerAddress(made, address);
    return made;
  }

  certificate(host: string): Promise<TlsCertificate> {
    return this.#hooks.certificate(this.#settings.group, host);
  }

  valuesFor(refs: readonly ValueRef[]): Promise<ValueOf> {
    return this.#values.ready(refs);
  }

  serveIdentity(program: Duplex, { address, port }: Destination): boolean {
    const isMeant = this.#settings.identity !== undefined && address === identityAddress && port === identityPort;
    if (isMeant) this.#identity.serve(program);
    return isMeant;
  }

  mustOpen(host: string, port: number): boolean {
    const mayLook = this.#compiled.policy.trafficInspection !== "None";
    return mustOpen(this.#compiled, host, port) || (mayLook && this.#values.placeholdersAreFor(host));
  }

  placedValues(host: string): readonly PlacedValue[] {
    return this.#values.placed(host);
  }

  echoes(): EchoFilter | undefined {
    return this.#values.filter();
  }

  get about(): { readonly sandboxId: string; readonly group: string } {
    return { sandboxId: this.#hooks.sandboxId, group: this.group };
  }

  asking<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    return this.#asking.take(signal, ask);
  }

  enter(): (() => void) | undefined {
    if (this.#requests >= maximumRequests) return undefined;
    this.#requests++;
    return () => void this.#requests--;
  }

  decided(decision: EgressDecision): void {
    this.#hooks.decided(decision);
  }
}

function bucket({ atOnce, aSecond }: { readonly atOnce: number; readonly aSecond: number }): TokenBucket {
  return new TokenBucket({ capacity: atOnce, perMinute: aSecond * 60, now: performance.now() });
}
