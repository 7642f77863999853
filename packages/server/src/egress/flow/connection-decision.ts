/** The decision about one connection as a whole: asked of the policy, asked again when that changes, told once. */
import { isDeepStrictEqual } from "node:util";
import type { EgressDecision } from "@alcove/contract";
import { decide } from "../../policy/egress/decide.js";
import { mayLeadTo } from "../../policy/egress/transport.js";
import type { EgressScheme } from "../../policy/egress/verdict.js";
import type { Way } from "../gateway.js";
import { toldWay } from "../told-way.js";
import type { RouteTarget } from "./dial.js";
import type { FlowGate } from "./flow-gate.js";
import { isForbiddenAddress } from "./forbidden-addresses.js";
import type { Traffic } from "./relay.js";

type Outcome = Pick<EgressDecision, "verdict" | "rule" | "reason">;

export class ConnectionDecision {
  readonly traffic: Traffic = { sent: 0, received: 0 };
  scheme: EgressScheme = "tcp";
  readonly #gate: FlowGate;
  readonly #host: string;
  readonly #port: number;
  readonly #began = performance.now();
  #outcome: Outcome | undefined;
  /** How it leaves: what the policy says, and what that was when it said so. */
  #way: Way | undefined;
  #isLeaving = false;
  #wentOut = false;
  #address: string | undefined;

  /** `host`: the name that its address stands for, or the address. */
  constructor(gate: FlowGate, { host, port }: { readonly host: string; readonly port: number }) {
    this.#gate = gate;
    this.#host = host;
    this.#port = port;
  }

  /** Asks the policy, and keeps what it said. */
  mayPass(): boolean {
    const { isDenied, rule, reason, route } = decide(this.#gate.compiled(), this.#asked);
    this.#way = this.#gate.wayOf(route);
    this.#outcome = { verdict: isDenied ? "Deny" : "Allow", rule, reason };
    return !isDenied || this.#gate.compiled().isAudit;
  }

  /** For what no policy allows. */
  deny(rule: string, reason: string): void {
    this.#outcome = { verdict: "Deny", rule, reason };
  }

  /** It is to leave: answers where to. */
  leave(): RouteTarget {
    this.#isLeaving = true;
    return { host: this.#host, port: this.#port, route: this.#way?.name };
  }

  left(address: string | undefined): void {
    this.#address = address;
    this.#wentOut = true;
  }

  /** What left said nothing: it is decided anew. */
  beginAnew(): void {
    this.#address = undefined;
    this.#way = undefined;
    this.#isLeaving = false;
    this.#wentOut = false;
  }

  /** Asks again, and answers whether it may go on; where not, that is the decision. */
  mayGoOn(): boolean {
    if (this.#outcome === undefined) return true;
    const compiled = this.#gate.compiled();
    const isOpened = this.scheme === "https" && this.#gate.mustOpen(this.#host, this.#port);
    const isBanned = this.#address !== undefined && !this.mayReach(this.#address, this.#port);
    const verdict = decide(compiled, this.#asked);
    const isElsewhere = this.#way && !isDeepStrictEqual(this.#gate.wayOf(verdict.route).route, this.#way.route);
    if (isBanned) return this.#stop("forbidden-address");
    if (!compiled.isAudit && (isOpened || verdict.isDenied)) return this.#stop(verdict.rule);
    return isElsewhere === true ? this.#stop("no-route") : true;
  }

  mayReach(address: string, port: number): boolean {
    return mayLeadTo(this.#gate.compiled(), address, { port, isRefused: isForbiddenAddress });
  }

  /** Once. */
  tell(): void {
    if (this.#outcome === undefined) return;
    const { sent: bytesSent, received: bytesReceived } = this.traffic;
    const wentOut = this.#wentOut;
    this.#gate.decided({
      timestamp: new Date().toISOString(),
      ...{ protocol: this.scheme, host: this.#host, port: this.#port, ...this.#outcome },
      isEnforced: !(wentOut && this.#outcome.verdict === "Deny" && this.#gate.compiled().isAudit),
      ...(this.#address !== undefined && { address: this.#address }),
      ...(this.#isLeaving && toldWay(this.#way)),
      ...(wentOut && { bytesSent, bytesReceived }),
      durationMs: Math.round(performance.now() - this.#began),
    });
    this.#outcome = undefined;
  }

  get #asked() {
    return { host: this.#host, port: this.#port, scheme: this.scheme };
  }

  #stop(rule: string): false {
    this.deny(rule, "the policy was changed, and does not let this connection go on");
    return false;
  }
}
