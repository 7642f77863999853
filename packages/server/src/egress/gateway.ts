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
  /** Told what passed since it was told last. Answers how to stop listening. */
  onTraffic(listener: (sandboxId: string, traffic: Traffic) => void): () => void;
  /** Told that a sandbox has no network until then (milliseconds since 1970), since it made the gateway's process end again and again. Answers how to stop listening. */
  onRefused(listener: (sandboxId: string, until: number) => void): () => void;
  serveHost(sandboxId: string): ServeHost;
  /** How often a process of it was started anew. */
  readonly restarts: number;
  close(): Promise<void>;
}

export interface Traffic {
  /** By the sandbox's programs. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly connections: number;
}

export interface EgressSettings {
  readonly group: string;
  readonly policy: EgressPolicy;
  readonly names: readonly NameEntry[];
  /** Host to address. */
  readonly resolverOverrides: Readonly<Record<string, string>>;
  /** PEM, may be empty: trusted beside the system's. */
  readonly upstreamCertificates: string;
  /** Values that the policy's headers, its hooks and `placeholders` name: by `nameOfSecret` of the contract. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Of those of `secrets` that have hosts, by the same names: patterns of where alone their values go. The others go to wherever a rule says. */
  readonly secretHosts?: Readonly<Record<string, readonly string[]>>;
  readonly placeholders?: readonly Placeholder[];
  /** By name; the policy's rules name them. */
  readonly routes?: Readonly<Record<string, UpstreamRoute>>;
  /** One of `routes`, for what no rule says otherwise; left out: direct. */
  readonly defaultRoute?: string;
  /** What programs inside have to send along to be given tokens; left out: the group gives none. */
  readonly identity?: { readonly header: string };
}

/** What a sandbox has in place of a secret's value. */
export interface Placeholder {
  readonly text: string;
  /** As in `secrets`. */
  readonly secret: string;
  /** Towards which hosts the value is put in: patterns, as of a policy's rules. */
  readonly hosts: readonly string[];
}

/** How connections leave this host. */
export type UpstreamRoute =
  | { readonly type: "Direct" }
  | { readonly type: "Interface"; readonly name: string }
  | {
      readonly type: "Proxy";
      /** http, https or socks5. */
      readonly url: string;
      /** PEM, may be empty: whom an https proxy may have its certificate from, beside the system's. */
      readonly certificates: string;
      readonly credentials?: { readonly username: string; readonly password: string };
    };

/** How a connection leaves at this instant. */
export interface Way {
  /** Of one of the group's routes; undefined: none is named, and it has no default. */
  readonly name: string | undefined;
  /** Undefined: there is none of this name. */
  readonly route: UpstreamRoute | undefined;
}

/** A name that a sandbox asked for, and its place in the ranges of addresses that stand for names. */
export interface NameEntry {
  readonly index: number;
  readonly name: string;
}
