/**
 * Signing in to previews, at the daemon: it alone speaks with the provider and has its tokens. What it has to remember of a sign-in travels in the
 * browser as the `state`, encrypted with a key of this daemon's; only which ones were used is kept.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { EncryptJWT, errors, jwtDecrypt } from "jose";
import type { Logger } from "pino";
import { z } from "zod";
import { Semaphore } from "../../lib/semaphore.js";
import { TokenBucket } from "../../lib/token-bucket.js";
import type { Person } from "../../policy/ports/people.js";
import type { PreviewAddress, PreviewRoute } from "../ingress.js";
import { previewUrl } from "../ingress.js";
import type { SignInBegun, SignInFailure } from "../messages.js";
import { callbackUrl, ownPaths } from "../sign-in-address.js";
import { signHandoff } from "../signed-person.js";
import { type IdentityProvider, NotSignedIn } from "./identity-provider.js";

export interface SignInsOptions {
  readonly provider: IdentityProvider;
  readonly routeOf: (sandboxId: string) => PreviewRoute | undefined;
  readonly logger: Pick<Logger, "warn">;
  readonly now?: () => number;
}

/** Where the browser goes next, or why nowhere. */
export type NextStep = { readonly location: string } | { readonly failure: SignInFailure };

const flowSeconds = 600;
const handoffSeconds = 60;
/** The provider is asked about so many at once, and the others wait so long at most. */
const atOnce = 16;
const turnMs = 10_000;
/** Beyond it the oldest are forgotten: the provider takes each code once anyway. */
const usedAtMost = 10_000;

const Flow = z.object({
  jti: z.string(),
  exp: z.number(),
  sandboxId: z.string(),
  port: z.number(),
  browser: z.string(),
  target: z.string().startsWith("/"),
  nonce: z.string(),
  verifier: z.string(),
});
type Flow = z.infer<typeof Flow>;

export class SignIns {
  readonly #options: SignInsOptions;
  readonly #key = randomBytes(32);
  /** Of the log: anybody may begin to sign in. */
  readonly #lines: TokenBucket;
  readonly #turns = new Semaphore(atOnce);
  /** Until when each would be good. */
  readonly #used = new Map<string, number>();

  constructor(options: SignInsOptions) {
    this.#options = options;
    this.#lines = new TokenBucket({ capacity: 10, perMinute: 10, now: this.#now() });
  }

  async begin({ isAsked, ...begun }: SignInBegun, address: PreviewAddress): Promise<NextStep> {
    const [nonce, verifier] = [randomText(), randomText()];
    const state = await new EncryptJWT({ ...begun, nonce, verifier })
      .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
      .setJti(randomUUID())
      .setExpirationTime(Math.floor(this.#now() / 1_000) + flowSeconds)
      .encrypt(this.#key);
    try {
      const secrets = { state, nonce, verifier };
      const url = await this.#options.provider.begin(secrets, { callback: callbackUrl(address), isAsked });
      return { location: url.href };
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** Of one that this daemon began, once, and while its preview is there: whatever else the query says, it leads nowhere else. */
  async finish(query: string, address: PreviewAddress): Promise<NextStep> {
    const state = new URLSearchParams(query).get("state") ?? "";
    const flow = await this.#read(state);
    if (flow === undefined) return { failure: "over" };
    const route = this.#options.routeOf(flow.sandboxId);
    if (!route?.ports.some(({ port, auth }) => port === flow.port && auth?.oidc !== undefined))
      return { failure: "over" };
    const { nonce, verifier } = flow;
    try {
      return await this.#inTurn(async () => {
        if (!this.#use(flow)) return { failure: "over" };
        const answer = { callback: callbackUrl(address), query };
        const person = await this.#options.provider.finish({ state, nonce, verifier }, answer);
        return { location: await this.#handoff(flow, person, route, address) };
      });
    } catch (error) {
      return this.#failed(error);
    }
  }

  #now(): number {
    return this.#options.now?.() ?? Date.now();
  }

  async #read(state: string): Promise<Flow | undefined> {
    try {
      const currentDate = new Date(this.#now());
      const checks = { keyManagementAlgorithms: ["dir"], contentEncryptionAlgorithms: ["A256GCM"], currentDate };
      return Flow.safeParse((await jwtDecrypt(state, this.#key, checks)).payload).data;
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }

  #use({ jti, exp }: Flow): boolean {
    if (this.#used.has(jti)) return false;
    const now = this.#now() / 1_000;
    for (const [id, until] of this.#used) {
      if (until > now && this.#used.size < usedAtMost) break;
      this.#used.delete(id);
    }
    this.#used.set(jti, exp);
    return true;
  }

  /** Who waits in vain has used nothing. */
  async #inTurn(ask: () => Promise<NextStep>): Promise<NextStep> {
    const waiting = AbortSignal.timeout(turnMs);
    try {
      return await this.#turns.take(waiting, ask);
    } catch (error) {
      if (error === waiting.reason) return { failure: "busy" };
      throw error;
    }
  }

  async #handoff(flow: Flow, person: Person, route: PreviewRoute, address: PreviewAddress) {
    const { sandboxId, port, browser, target } = flow;
    const { realm, sessionSeconds } = this.#options.provider;
    const now = Math.floor(this.#now() / 1_000);
    const handed = { ...person, browser, target, until: now + sessionSeconds };
    const key = Buffer.from(route.linkKey, "base64url");
    const pass = await signHandoff(handed, { sandboxId, port, realm }, key, now + handoffSeconds);
    return `${new URL(ownPaths.signedIn, previewUrl(address, sandboxId, port))}?pass=${pass}`;
  }

  #failed(error: unknown): NextStep {
    const { failure, cause } = error instanceof NotSignedIn ? error : { failure: "unavailable" as const, cause: error };
    if (failure !== "refused" && this.#lines.take(this.#now()) === 0)
      this.#options.logger.warn({ failure, reason: reasonOf(cause) }, "Somebody could not sign in to a preview");
    return { failure };
  }
}

/** Sentences alone: what else such errors have may be tokens. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const said = [error.message, "error_description" in error ? error.error_description : "", reasonOf(error.cause)];
  return said.filter(Boolean).join(": ").slice(0, 1_000);
}

function randomText(): string {
  return randomBytes(32).toString("base64url");
}
