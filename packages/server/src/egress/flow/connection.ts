/**
 * One connection of a program: what it speaks is heard from its first bytes, the policy decides, and it is passed through, handed over
 * to be served request by request, or reset.
 */
import { formatAddress, normalizeHost, parseAddress } from "@alcove/contract";
import { indexOfAddress } from "../dns/name-addresses.js";
import { finalVerdict } from "../hooks/hook-verdict.js";
import { DialFailure } from "../http/dial-failure.js";
import { type ServedRequests, serveRequests } from "../http/serve-requests.js";
import type { ClientHello, HelloFault } from "../tls/client-hello.js";
import { ConnectionDecision } from "./connection-decision.js";
import type { Destination } from "./destination.js";
import type { Dialled } from "./dialling.js";
import type { FlowGate } from "./flow-gate.js";
import { type Heard, hear } from "./hearing.js";
import type { Program } from "./program.js";
import { relayAnswers, relayRequests } from "./relay.js";
import { resetSocket } from "./reset-socket.js";

/** How long a program may be silent before the server may speak first, where the policy lets it; and where it does not. */
const silenceMs = 300;
const longSilenceMs = 30_000;

export class Connection {
  readonly #gate: FlowGate;
  readonly #program: Program;
  readonly #destination: Destination;
  readonly #over = new AbortController();
  /** What decisions name: the name that its address stands for, or the address. */
  readonly #host: string;
  readonly #isOfKnownName: boolean;
  readonly #decision: ConnectionDecision;
  #served: ServedRequests | undefined;

  constructor(gate: FlowGate, program: Program, destination: Destination) {
    this.#gate = gate;
    this.#program = program;
    this.#destination = destination;
    const host = hostOf(gate, destination);
    this.#isOfKnownName = host !== undefined;
    this.#host = host ?? destination.address;
    this.#decision = new ConnectionDecision(gate, { host: this.#host, port: destination.port });
    program.stream.once("close", () => this.#over.abort(new Error("the program's connection is over")));
  }

  /** Fulfils when it is over, or others serve it; never rejects. */
  async serve(): Promise<void> {
    if (this.#gate.serveIdentity(this.#program.stream, this.#destination)) return;
    if (!this.#isOfKnownName) return this.#deny("unknown-name", "no name of this sandbox has this address");
    try {
      await this.#hear();
    } catch (error) {
      if (error instanceof DialFailure) return this.#deny(error.rule, error.message);
      this.#decision.tell();
      this.#program.reset();
    }
  }

  /** Asks the policy again, and resets what it does not allow any more; of what is served request by request, those that it does not. */
  recheck(): void {
    if (this.#served !== undefined) this.#served.recheck();
    else if (!this.#decision.mayGoOn()) this.#program.reset();
  }

  async #hear(): Promise<void> {
    const heard = await hear(this.#program.stream, silenceMs).heard;
    if (heard.kind !== "silence") return await this.#serveHeard(heard);
    if (!this.#decision.mayPass()) {
      return await this.#serveHeard(await hear(this.#program.stream, longSilenceMs).heard);
    }
    await this.#serveSilent();
  }

  /** The server may speak first. Where it does not, what the program says when it speaks at last still decides. */
  async #serveSilent(): Promise<void> {
    const dialled = await this.#dial();
    const { socket } = dialled;
    const hearing = hear(this.#program.stream);
    for (const event of ["data", "end", "close"]) socket.once(event, () => hearing.stop());
    relayAnswers(socket, this.#program, this.#decision.traffic);
    const heard = await hearing.heard.catch((error) => {
      resetSocket(socket);
      throw error;
    });
    if (heard.kind !== "tls" && heard.kind !== "http") return await this.#relay(dialled, heard);
    socket.removeAllListeners("end").destroy();
    this.#decision.beginAnew();
    await this.#serveHeard(heard);
  }

  async #serveHeard(heard: Heard): Promise<void> {
    if (heard.kind === "http") return this.#serveRequests("http");
    if (heard.kind === "tls") return await this.#serveTls(heard.hello);
    await this.#pass("tcp", heard);
  }

  async #serveTls(hello: ClientHello | HelloFault): Promise<void> {
    this.#decision.scheme = "https";
    const fault = "fault" in hello ? hello.fault : this.#nameFault(hello.serverName);
    if (fault !== undefined) return this.#deny("name-mismatch", fault);
    if (this.#gate.mustOpen(this.#host, this.#destination.port)) return this.#serveRequests("https");
    await this.#pass("https", { kind: "tls", hello });
  }

  async #pass(scheme: "tcp" | "https", heard: Heard): Promise<void> {
    this.#decision.scheme = scheme;
    if (!this.#decision.mayPass()) return this.#end();
    const dialled = await this.#dial();
    relayAnswers(dialled.socket, this.#program, this.#decision.traffic);
    await this.#relay(dialled, heard);
  }

  async #dial(): Promise<Dialled> {
    const dialled = await this.#gate.dial(this.#decision.leave(), this.#over.signal);
    this.#decision.left(dialled.address);
    this.recheck();
    return dialled;
  }

  async #relay({ socket }: Dialled, heard: Heard): Promise<void> {
    const first = heard.kind === "end" ? heard.bytes : Buffer.alloc(0);
    await relayRequests(this.#program, socket, first, this.#decision.traffic);
    this.#decision.tell();
  }

  #serveRequests(scheme: "http" | "https"): void {
    const gate = this.#gate;
    this.#served = serveRequests({
      program: this.#program.stream,
      ...{ scheme, host: this.#host, port: this.#destination.port, signal: this.#over.signal },
      compiled: () => gate.compiled(),
      isAudit: () => gate.compiled().isAudit,
      dial: (target, signal) => gate.dialFor(target, signal),
      mayReach: (address, port) => this.#decision.mayReach(address, port),
      wayOf: (name) => gate.wayOf(name),
      certificate: (name) => gate.certificate(name),
      valuesFor: (refs) => gate.valuesFor(refs),
      about: gate.about,
      finalVerdict,
      asking: (signal, ask) => gate.asking(signal, ask),
      echoes: () => gate.echoes(),
      placedValues: () => gate.placedValues(this.#host),
      decided: (decision) => gate.decided(decision),
      enter: () => gate.enter(),
      windows: gate.windows,
    });
  }

  /** Of an address no name is expected, but its own is no fault. */
  #nameFault(serverName: string | undefined): string | undefined {
    if (serverName === undefined) {
      return parseAddress(this.#host) === undefined ? "its TLS names no server" : undefined;
    }
    if (normalizeHost(serverName)?.host === this.#host) return undefined;
    return `its TLS names ${JSON.stringify(serverName.slice(0, 255))}, and the connection is to ${this.#host}`;
  }

  #deny(rule: string, reason: string): void {
    this.#decision.deny(rule, reason);
    this.#end();
  }

  #end(): void {
    this.#program.reset();
    this.#decision.tell();
  }
}

function hostOf(gate: FlowGate, { address }: Destination): string | undefined {
  const index = indexOfAddress(address);
  if (index !== undefined) return gate.nameOf(index);
  const parsed = parseAddress(address);
  return parsed && formatAddress(parsed);
}
