/** What a connection needs of its sandbox's gate. */
import type { Socket } from "node:net";
import type { EgressDecision } from "@alcove/contract";
import type { CompiledEgress } from "../../policy/egress/compile.js";
import type { DialTarget, TlsCertificate } from "../http/flow.js";
import type { Dialled } from "./dial.js";

export interface FlowGate {
  /** The policy of this instant. */
  compiled(): CompiledEgress;
  nameOf(index: number): string | undefined;
  /** @throws DialFailure */
  dial(target: { readonly host: string; readonly port: number }, signal: AbortSignal): Promise<Dialled>;
  /** With TLS where that is asked for. @throws DialFailure */
  dialFor(target: DialTarget, signal: AbortSignal): Promise<Socket>;
  certificate(host: string): Promise<TlsCertificate>;
  /** Takes a place for a request under way, and answers how to give it back; undefined when all are taken. */
  enter(): (() => void) | undefined;
  decided(decision: EgressDecision): void;
}
