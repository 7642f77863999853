/** The egress gateway as control and main see it: what each sandbox may reach, and what it was seen to reach for. */
import type { EgressDecision, EgressPolicy } from "@alcove/contract";
import type { ServeHost } from "../guest/host-side.js";

export interface EgressGateway {
  /** Puts settings in force: before the machine starts, and at each change. Flows that they do not allow any more are closed. Answers when they are in force; rejects where they are refused, and then nothing may be reached. */
  apply(sandboxId: string, settings: EgressSettings): Promise<void>;
  remove(sandboxId: string): void;
  /** Answers how to stop listening. */
  onDecision(listener: (sandboxId: string, decision: EgressDecision) => void): () => void;
  /** Told how many decisions there were that nobody is told of, since they were too many at once. Answers how to stop listening. */
  onOmitted(listener: (sandboxId: string, omitted: number) => void): () => void;
  serveHost(sandboxId: string): ServeHost;
  close(): Promise<void>;
}

export interface EgressSettings {
  readonly group: string;
  readonly policy: EgressPolicy;
  readonly names: readonly NameEntry[];
  /** Host to address. */
  readonly resolverOverrides: Readonly<Record<string, string>>;
  /** PEM, may be empty: trusted beside the system's. */
  readonly upstreamCertificates: string;
}

/** A name that a sandbox asked for, and its place in the ranges of addresses that stand for names. */
export interface NameEntry {
  readonly index: number;
  readonly name: string;
}
