/** What a connection that speaks HTTP brings with it when it is handed over to be served request by request. */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { EgressDecision, ValueRef } from "@alcove/contract";
import type { CompiledEgress } from "../../policy/egress/compile.js";
import type { EchoFilter } from "../echoes/echo-filter.js";
import type { Way } from "../gateway.js";
import type { AskForVerdict } from "./final-verdict.js";
import type { PlacedValue } from "./placed-values.js";
import type { WindowBudget } from "./window-budget.js";

export interface HttpFlow {
  /** The program's bytes, none of them taken: what was looked at is unshifted. */
  readonly program: Duplex;
  /** https: TLS is to be opened first. */
  readonly scheme: "http" | "https";
  /** The name that the program asked DNS for, in lower case, or the address literal, without brackets. */
  readonly host: string;
  readonly port: number;
  /** The policy of this instant. */
  compiled(): CompiledEgress;
  isAudit(): boolean;
  /** @throws DialFailure (dial-failure.ts) with what became of it */
  dial(target: DialTarget, signal: AbortSignal): Promise<Socket>;
  /** Whether the policy of this instant lets a server have this address. */
  mayReach(address: string, port: number): boolean;
  /** By one of the group's routes of this instant, its default where no name is said. */
  wayOf(name: string | undefined): Way;
  certificate(host: string): Promise<TlsCertificate>;
  /** Waits until the values that these name can be had. @throws ValueFailure */
  valuesFor(refs: readonly ValueRef[]): Promise<ValueOf>;
  /** What programs have in place of values that may go to this host, at this instant. */
  placedValues(): readonly PlacedValue[];
  /** What takes the sandbox's values out of answers; undefined where it has none. */
  echoes(): EchoFilter | undefined;
  /** Whose it is, as endpoints of rules are told. */
  readonly about: { readonly sandboxId: string; readonly group: string };
  /** Asks endpoints, where rules leave requests to them. */
  readonly finalVerdict: AskForVerdict;
  /** Waits for one of the sandbox's places for questions to endpoints. */
  asking<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T>;
  /** What connections to servers may have on their way: the sandbox's. */
  readonly windows: WindowBudget;
  /** Told once a request, when it is over. */
  decided(decision: EgressDecision): void;
  /** Takes one of the sandbox's places for requests under way, and answers how to give it back; undefined when all are taken. */
  enter?(): (() => void) | undefined;
  /** For an HTTP/1 request's head, from its first byte to its last; default 20 s. */
  readonly headTimeoutMs?: number;
  /** Aborts when the connection is to end at once. */
  readonly signal: AbortSignal;
}

/**
 * Of a header that names its value, for a request to this host, which may be another one than the program asked. The value of this instant: to be
 * sent in the same turn in which `echoes` is taken. @throws ValueFailure
 */
export type ValueOf = (ref: ValueRef, host: string) => string;

export interface DialTarget {
  readonly host: string;
  readonly port: number;
  /** One of the group's, by name; left out: its default. */
  readonly route?: string | undefined;
  /** With TLS: the certificate is verified strictly for `host` before the socket is given back, as a TLSSocket. */
  readonly tls: boolean;
  /** What to offer by ALPN, the preferred one first; the socket's `alpnProtocol` has what was agreed on. */
  readonly protocols: readonly ("h2" | "http/1.1")[];
}

/** PEM, both. The same object for as long as it is the same certificate: what is made of it is kept with it. */
export interface TlsCertificate {
  readonly certificate: string;
  readonly key: string;
}
