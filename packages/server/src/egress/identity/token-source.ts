/** Tokens of a sandbox's group: asked of the daemon once for each resource, and kept while they are good for a while yet. */
import { TokenBucket } from "../../lib/token-bucket.js";
import { ValueFailure } from "../http/value-failure.js";

export interface IdentityToken {
  readonly value: string;
  /** Seconds since 1970, both. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly clientId: string;
}

/** resource: the group has none for it. off: the server issues none. unavailable: none can be made now. busy: too many were asked for. */
export type TokenFault = "resource" | "off" | "unavailable" | "busy";

const hints: Readonly<Record<TokenFault, string>> = {
  resource: "The group's owner has to allow the audience.",
  off: "The server's administrator has to set issuerUrl in its configuration.",
  unavailable: "Try again later; the server's log says why.",
  busy: "Try again in a minute.",
};

export class TokenFailure extends ValueFailure {
  readonly fault: TokenFault;

  constructor(fault: TokenFault, message: string) {
    super(message, hints[fault]);
    this.fault = fault;
  }
}

export type AskForToken = (
  resource: string,
) => Promise<{ readonly token?: IdentityToken | undefined; readonly fault?: TokenFault | undefined }>;

/** Each takes the daemon a signature. */
const bounds = { capacity: 20, perMinute: 60 };
const maximumKept = 64;
/** Of their time, the last part: clients ask anew then. */
const renewedIn = 1 / 3;

export class TokenSource {
  readonly #ask: AskForToken;
  readonly #kept = new Map<string, Promise<IdentityToken>>();
  readonly #asking = new TokenBucket({ ...bounds, now: performance.now() });

  constructor(ask: AskForToken) {
    this.#ask = ask;
  }

  /** @throws TokenFailure */
  async get(resource: string): Promise<IdentityToken> {
    const kept = this.#kept.get(resource);
    const token = await kept;
    if (token !== undefined && !isOld(token)) return token;
    // Somebody else may have asked anew meanwhile.
    const present = this.#kept.get(resource);
    return present !== undefined && present !== kept ? await present : await this.#renewed(resource);
  }

  /** For when what the group may have is another now. */
  clear(): void {
    this.#kept.clear();
  }

  #renewed(resource: string): Promise<IdentityToken> {
    const asked = this.#asked(resource);
    this.#kept.delete(resource);
    this.#kept.set(resource, asked);
    asked.catch(() => {
      if (this.#kept.get(resource) === asked) this.#kept.delete(resource);
    });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > maximumKept && oldest !== undefined) this.#kept.delete(oldest);
    return asked;
  }

  async #asked(resource: string): Promise<IdentityToken> {
    if (this.#asking.take(performance.now()) > 0)
      throw new TokenFailure("busy", "the sandbox asked for too many tokens of late");
    const unavailable = () => new TokenFailure("unavailable", "no token can be had now");
    const { token, fault } = await this.#ask(resource).catch(() => {
      throw unavailable();
    });
    if (token !== undefined) return token;
    if (fault === "resource") throw new TokenFailure(fault, `the group has no tokens for ${resource}`);
    if (fault === "off") throw new TokenFailure(fault, "this server issues no tokens: its issuerUrl is not set");
    throw unavailable();
  }
}

function isOld({ issuedAt, expiresAt }: IdentityToken): boolean {
  return Date.now() / 1_000 > expiresAt - (expiresAt - issuedAt) * renewedIn;
}
