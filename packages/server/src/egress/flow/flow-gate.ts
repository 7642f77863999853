/** What a connection needs of its sandbox's gate. */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { EgressDecision, ValueRef } from "@alcove/contract";
import type { CompiledEgress } from "../../policy/egress/compile.js";
import type { EchoFilter } from "../echoes/echo-filter.js";
import type { Way } from "../gateway.js";
import type { DialTarget, TlsCertificate, ValueOf } from "../http/flow.js";
import type { PlacedValue } from "../http/placed-values.js";
import type { WindowBudget } from "../http/window-budget.js";
import type { Destination } from "./destination.js";
import type { RouteTarget } from "./dial.js";
import type { Dialled } from "./dialling.js";

export interface FlowGate {
  /** The policy of this instant. */
  compiled(): CompiledEgress;
  nameOf(index: number): string | undefined;
  /** @throws DialFailure */
  dial(target: RouteTarget, signal: AbortSignal): Promise<Dialled>;
  /** By one of the group's routes of this instant, its default where no name is said. */
  wayOf(name: string | undefined): Way;
  /** With TLS where that is asked for. @throws DialFailure */
  dialFor(target: DialTarget, signal: AbortSignal): Promise<Socket>;
  certificate(host: string): Promise<TlsCertificate>;
  /** Waits until the values that these name can be had. @throws ValueFailure */
  valuesFor(refs: readonly ValueRef[]): Promise<ValueOf>;
  /** Whether TLS to it has to be opened: for the policy's sake, or since values may be put in on the way there. */
  mustOpen(host: string, port: number): boolean;
  /** What stands for values that may go to this host. */
  placedValues(host: string): readonly PlacedValue[];
  /** What takes the sandbox's values out of answers; undefined where it has none. */
  echoes(): EchoFilter | undefined;
  /** Takes a connection to where tokens are asked for; false: it is none, or the group has no identity. */
  serveIdentity(program: Duplex, destination: Destination): boolean;
  /** Whose it is, as endpoints of rules are told. */
  readonly about: { readonly sandboxId: string; readonly group: string };
  /** Waits for one of the places for questions to endpoints. */
  asking<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T>;
  /** What connections to servers may have on their way. */
  readonly windows: WindowBudget;
  /** Takes a place for a request under way, and answers how to give it back; undefined when all are taken. */
  enter(): (() => void) | undefined;
  decided(decision: EgressDecision): void;
}
