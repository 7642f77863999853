/** Who says who people are, as the ingress gateway's daemon side sees it. */
import type { Person } from "../../policy/ports/people.js";

export interface IdentityProvider {
  /** Another one for each provider and client: whose names for people these are. */
  readonly realm: string;
  /** How long somebody is signed in to a preview. */
  readonly sessionSeconds: number;
  /** Where a browser is sent to sign in. Rejects where the provider cannot be asked. */
  begin(secrets: FlowSecrets, request: { readonly callback: string; readonly isAsked: boolean }): Promise<URL>;
  /** Who it is, by what came back, as the provider itself says it. Rejects with NotSignedIn. */
  finish(secrets: FlowSecrets, answer: { readonly callback: string; readonly query: string }): Promise<Person>;
}

/** Of one sign-in. */
export interface FlowSecrets {
  /** As the browser carries it. */
  readonly state: string;
  readonly nonce: string;
  /** PKCE's. */
  readonly verifier: string;
}

export class NotSignedIn extends Error {
  readonly failure: "refused" | "unavailable" | "failed";

  constructor(failure: NotSignedIn["failure"], cause: unknown) {
    super(`nobody was signed in: ${failure}`, { cause });
    this.failure = failure;
  }
}
