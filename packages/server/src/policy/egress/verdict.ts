/** What is asked of a policy, and what it answers. */
import type { EgressAction } from "@alcove/contract";

export interface EgressQuestion {
  /** In normal form: see normalizeHost of the contract. What is not is denied. */
  readonly host: string;
  readonly port: number;
  /** tcp: neither TLS nor HTTP. */
  readonly scheme: "http" | "https" | "tcp";
  /** Of a request; left out, with the path, where TLS is not opened. */
  readonly method?: string;
  /** As it was sent, with or without its query. */
  readonly path?: string;
}

export interface EgressVerdict {
  readonly action: EgressAction;
  /** Its name, `hostRules[3]`, `transportRules[0]` or `default`. */
  readonly rule: string;
  /** A sentence for people. */
  readonly reason: string;
  /** Also in Audit mode, where what is denied goes through all the same. */
  readonly isDenied: boolean;
}
