/** What is asked of a policy, and what it answers. */
import type { RuleAction } from "@alcove/contract";

export interface EgressQuestion {
  /** In normal form: normalizeHost of the contract. Anything else is denied. */
  readonly host: string;
  readonly port: number;
  /** tcp: neither TLS nor HTTP. */
  readonly scheme: EgressScheme;
  /** Of a request; left out, with the path, where nobody looks into the connection. */
  readonly method?: string | undefined;
  /** As it was sent, with or without its query. */
  readonly path?: string | undefined;
}

export type EgressScheme = "http" | "https" | "tcp";

export interface EgressVerdict {
  readonly action: RuleAction;
  /** Its name, `hostRules[3]`, `transportRules[0]` or `default`. */
  readonly rule: string;
  /** A sentence for people. */
  readonly reason: string;
  /** Also in Audit mode, where what is denied goes through all the same. */
  readonly isDenied: boolean;
  /** How what is let through leaves: one of the group's routes, by name. Left out: its default. */
  readonly route?: string;
}
