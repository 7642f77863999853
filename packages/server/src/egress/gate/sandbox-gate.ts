/** All that the gateway holds of one sandbox: what is in force, its names, its connections under way. */
import type { Socket } from "node:net";
import type { EgressDecision } from "@alcove/contract";
import { TokenBucket } from "../../lib/token-bucket.js";
import { type CompiledEgress, compileEgress } from "../../policy/egress/compile.js";
import { answerDns } from "../dns/answer.js";
import { NameTable } from "../dns/name-table.js";
import { Connection, type Destination } from "../flow/connection.js";
import { type Dialled, dial } from "../flow/dial.js";
import { secure, trustOf } from "../flow/dial-tls.js";
import type { FlowGate } from "../flow/flow-gate.js";
import type { Program } from "../flow/program.js";
import { Resolution } from "../flow/resolution.js";
import type { EgressSettings, NameEntry } from "../gateway.js";
import type { DialTarget, TlsCertificate } from "../http/flow.js";

export interface GateHooks {
  /** Fulfils when the name is on record. */
  record(entry: NameEntry): Promise<void>;
  /** Of the sandbox's group. */
  certificate(group: string, host: string): Promise<TlsCertificate>;
  decided(decision: EgressDecision): void;
}

/** What a sandbox has before anything was said about it. */
const nothingAllowed: EgressSettings = {
  ...{ group: "", policy: { defaultAction: "Deny" }, names: [], resolverOverrides: {}, upstreamCertificates: "" },
};
const maximumRequests = 1_024;

export class SandboxGate implements FlowGate {
  readonly #hooks: GateHooks;
  readonly #names: NameTable;
  readonly #resolution = new Resolution();
  readonly #connections = new Set<Connection>();
  readonly #openings = bucket({ atOnce: 2_048, aSecond: 512 });
  readonly #questions = bucket({ atOnce: 200, aSecond: 50 });
  #settings = nothingAllowed;
  #compiled = compileEgress(nothingAllowed.policy);
  #requests = 0;

  constructor(hooks: GateHooks) {
    this.#hooks = hooks;
    this.#names = new NameTable((entry) => hooks.record(entry));
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
    this.#settings = settings;
    this.#names.replace(settings.names);
    for (const connection of this.#connections) connection.recheck();
  }

  /** Whether there were not too many of late; counts one. */
  mayOpen(): boolean {
    return this.#openings.take(performance.now()) === 0;
  }

  open(program: Program, destination: Destination): void {
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

  dial(target: { readonly host: string; readonly port: number }, signal: AbortSignal): Promise<Dialled> {
    const { resolverOverrides: overrides } = this.#settings;
    return dial({ resolution: this.#resolution, overrides, compiled: () => this.#compiled }, target, signal);
  }

  async dialFor({ host, port, tls, protocols }: DialTarget, signal: AbortSignal): Promise<Socket> {
    const { socket } = await this.dial({ host, port }, signal);
    if (!tls) return socket;
    return await secure(socket, { host, protocols, trust: trustOf(this.#settings.upstreamCertificates) }, signal);
  }

  certificate(host: string): Promise<TlsCertificate> {
    return this.#hooks.certificate(this.#settings.group, host);
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
