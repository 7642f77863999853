/**
 * One connection of a program: what it speaks is heard from its first bytes, the policy decides, and it is passed through, handed over
 * to be served request by request, or reset.
 */
import { type EgressDecision, formatAddress, normalizeHost, parseAddress } from "@alcove/contract";
import { decide } from "../../policy/egress/decide.js";
import { mustOpen } from "../../policy/egress/names.js";
import { mayLeadTo } from "../../policy/egress/transport.js";
import type { EgressScheme } from "../../policy/egress/verdict.js";
import { indexOfAddress } from "../dns/name-addresses.js";
import { DialFailure } from "../http/dial-failure.js";
import { type ServedRequests, serveRequests } from "../http/serve-requests.js";
import type { ClientHello, HelloFault } from "../tls/client-hello.js";
import type { Dialled } from "./dial.js";
import type { FlowGate } from "./flow-gate.js";
import { isForbiddenAddress } from "./forbidden-addresses.js";
import { type Heard, hear } from "./hearing.js";
import type { Program } from "./program.js";
import { relayAnswers, relayRequests, type Traffic } from "./relay.js";

/** How long a program may be silent before the server may speak first, where the policy lets it; and where it does not. */
const silenceMs = 300;
const longSilenceMs = 10_000;

export interface Destination {
  readonly address: string;
  readonly port: number;
}

type Outcome = Pick<EgressDecision, "verdict" | "rule" | "reason">;

export class Connection {
  readonly #gate: FlowGate;
  readonly #program: Program;
  readonly #destination: Destination;
  readonly #over = new AbortController();
  readonly #began = performance.now();
  readonly #traffic: Traffic = { sent: 0, received: 0 };
  /** What decisions name: the name that its address stands for, or the address. */
  #host: string;
  #scheme: EgressScheme = "tcp";
  #served: ServedRequests | undefined;
  #address: string | undefined;
  #outcome: Outcome | undefined;

  constructor(gate: FlowGate, program: Program, destination: Destination) {
    this.#gate = gate;
    this.#program = program;
    this.#destination = destination;
    this.#host = destination.address;
    program.stream.once("close", () => this.#over.abort(new Error("the program's connection is over")));
  }

  /** Fulfils when it is over, or others serve it; never rejects. */
  async serve(): Promise<void> {
    try {
      const host = this.#nameOfDestination();
      if (host === undefined) return this.#deny("unknown-name", "no name of this sandbox has this address");
      this.#host = host;
      await this.#hear();
    } catch (error) {
      if (error instanceof DialFailure) return this.#deny(error.rule, error.message);
      this.#tell();
      this.#program.reset();
    }
  }

  /** Asks the policy again, and resets what it does not allow any more; of what is served request by request, those that it does not. */
  recheck(): void {
    this.#served?.recheck();
    if (this.#outcome === undefined || this.#served !== undefined) return;
    const compiled = this.#gate.compiled();
    const asked = { host: this.#host, port: this.#destination.port, scheme: this.#scheme };
    const isOpened = this.#scheme === "https" && mustOpen(compiled, asked.host, asked.port);
    const isBanned = this.#address !== undefined && !this.#mayReach(this.#address, this.#destination.port);
    const verdict = decide(compiled, asked);
    if (!isBanned && (compiled.isAudit || !(isOpened || verdict.isDenied))) return;
    const reason = "the policy was changed, and does not let this connection go on";
    this.#outcome = { verdict: "Deny", rule: isBanned ? "forbidden-address" : verdict.rule, reason };
    this.#program.reset();
  }

  async #hear(): Promise<void> {
    const heard = await hear(this.#program.stream, silenceMs).heard;
    if (heard.kind !== "silence") return await this.#serveHeard(heard);
    if (!this.#mayPass()) return await this.#serveHeard(await hear(this.#program.stream, longSilenceMs).heard);
    await this.#serveSilent();
  }

  /** The server may speak first. Where it does not, what the program says when it speaks at last still decides. */
  async #serveSilent(): Promise<void> {
    const dialled = await this.#dial();
    const { socket } = dialled;
    const hearing = hear(this.#program.stream);
    for (const event of ["data", "end", "close"]) socket.once(event, () => hearing.stop());
    relayAnswers(socket, this.#program, this.#traffic);
    const heard = await hearing.heard.catch((error) => {
      socket.resetAndDestroy();
      throw error;
    });
    if (heard.kind !== "tls" && heard.kind !== "http") return await this.#relay(dialled, heard);
    socket.removeAllListeners("end").destroy();
    this.#address = undefined;
    await this.#serveHeard(heard);
  }

  async #serveHeard(heard: Heard): Promise<void> {
    if (heard.kind === "http") return this.#serveRequests("http");
    if (heard.kind === "tls") return await this.#serveTls(heard.hello);
    await this.#pass("tcp", heard);
  }

  async #serveTls(hello: ClientHello | HelloFault): Promise<void> {
    this.#scheme = "https";
    const fault = "fault" in hello ? hello.fault : this.#nameFault(hello.serverName);
    if (fault !== undefined) return this.#deny("name-mismatch", fault);
    if (mustOpen(this.#gate.compiled(), this.#host, this.#destination.port)) return this.#serveRequests("https");
    await this.#pass("https", { kind: "tls", hello });
  }

  async #pass(scheme: EgressScheme, heard: Heard): Promise<void> {
    this.#scheme = scheme;
    if (!this.#mayPass()) return this.#end();
    const dialled = await this.#dial();
    relayAnswers(dialled.socket, this.#program, this.#traffic);
    await this.#relay(dialled, heard);
  }

  async #dial(): Promise<Dialled> {
    const dialled = await this.#gate.dial({ host: this.#host, port: this.#destination.port }, this.#over.signal);
    this.#address = dialled.address;
    this.recheck();
    return dialled;
  }

  async #relay({ socket }: Dialled, heard: Heard): Promise<void> {
    const first = heard.kind === "end" ? heard.bytes : Buffer.alloc(0);
    await relayRequests(this.#program, socket, first, this.#traffic);
    this.#tell();
  }

  #serveRequests(scheme: "http" | "https"): void {
    const gate = this.#gate;
    this.#served = serveRequests({
      program: this.#program.stream,
      ...{ scheme, host: this.#host, port: this.#destination.port, signal: this.#over.signal },
      compiled: () => gate.compiled(),
      isAudit: () => gate.compiled().isAudit,
      dial: (target, signal) => gate.dialFor(target, signal),
      mayReach: (address, port) => this.#mayReach(address, port),
      certificate: (name) => gate.certificate(name),
      decided: (decision) => gate.decided(decision),
      enter: () => gate.enter(),
    });
  }

  #nameOfDestination(): string | undefined {
    const index = indexOfAddress(this.#destination.address);
    if (index !== undefined) return this.#gate.nameOf(index);
    const address = parseAddress(this.#destination.address);
    return address && formatAddress(address);
  }

  /** Of an address no name is expected, but its own is no fault. */
  #nameFault(serverName: string | undefined): string | undefined {
    if (serverName === undefined) {
      return parseAddress(this.#host) === undefined ? "its TLS names no server" : undefined;
    }
    if (normalizeHost(serverName)?.host === this.#host) return undefined;
    return `its TLS names ${JSON.stringify(serverName.slice(0, 255))}, and the connection is to ${this.#host}`;
  }

  /** Asks the policy about the connection as a whole, and keeps what it said. */
  #mayPass(): boolean {
    const compiled = this.#gate.compiled();
    const asked = { host: this.#host, port: this.#destination.port, scheme: this.#scheme };
    const { isDenied, rule, reason } = decide(compiled, asked);
    this.#outcome = { verdict: isDenied ? "Deny" : "Allow", rule, reason };
    return !isDenied || compiled.isAudit;
  }

  #mayReach(address: string, port: number): boolean {
    return mayLeadTo(this.#gate.compiled(), address, { port, isRefused: isForbiddenAddress });
  }

  /** For what no policy allows. */
  #deny(rule: string, reason: string): void {
    this.#outcome = { verdict: "Deny", rule, reason };
    this.#end();
  }

  #end(): void {
    this.#program.reset();
    this.#tell();
  }

  /** Once. */
  #tell(): void {
    if (this.#outcome === undefined) return;
    const { sent: bytesSent, received: bytesReceived } = this.#traffic;
    const wentOut = this.#address !== undefined;
    this.#gate.decided({
      timestamp: new Date().toISOString(),
      ...{ protocol: this.#scheme, host: this.#host, port: this.#destination.port, ...this.#outcome },
      isEnforced: !(wentOut && this.#outcome.verdict === "Deny" && this.#gate.compiled().isAudit),
      ...(wentOut && { address: this.#address, bytesSent, bytesReceived }),
      durationMs: Math.round(performance.now() - this.#began),
    });
    this.#outcome = undefined;
  }
}
