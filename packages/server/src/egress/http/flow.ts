/** What a connection that speaks HTTP brings with it when it is handed over to be served request by request. */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { EgressDecision } from "@alcove/contract";
import type { CompiledEgress } from "../../policy/egress/compile.js";

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
  certificate(host: string): Promise<TlsCertificate>;
  /** Told once a request, when it is over. */
  decided(decision: EgressDecision): void;
  /** Takes one of the sandbox's places for requests under way, and answers how to give it back; undefined when all are taken. */
  enter?(): (() => void) | undefined;
  /** For an HTTP/1 request's head, from its first byte to its last; default 20 s. */
  readonly headTimeoutMs?: number;
  /** Aborts when the connection is to end at once. */
  readonly signal: AbortSignal;
}

export interface DialTarget {
  readonly host: string;
  readonly port: number;
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
