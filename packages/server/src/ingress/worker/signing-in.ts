/**
 * How people sign in to a preview. It sends a browser to the provider, with a cookie of the preview's host that only this browser has. The
 * provider sends it back to an address of the gateway's that is no preview; the daemon finds out who it is, and says with which pass the
 * browser goes on to the preview. There the pass counts only together with that cookie, and becomes the cookie of who has signed in.
 */
import { createHash, randomBytes } from "node:crypto";
import { formatAddress } from "@alcove/contract";
import { PeerShares } from "../../lib/peer-shares.js";
import { ownPaths } from "../sign-in-address.js";
import { readHandoff, signSession } from "../signed-person.js";
import type { Coming } from "./admission.js";
import type { Daemon } from "./daemon.js";
import { isFromHere } from "./from-here.js";
import { isNavigation, isPageOfItsOwn } from "./navigation.js";
import { ownCookies, setCookie, takeCookie } from "./own-cookies.js";
import { pageOf, type Trouble } from "./page.js";
import type { Place } from "./place.js";
import { SignInFailed, signedOut, signInTrouble } from "./sign-in-troubles.js";
import { signInOf } from "./signed-in.js";
import { notFromThatPage, nothingHere, notKnown } from "./troubles.js";
import type { VisitRequest } from "./visit-request.js";
import type { Visitor } from "./visitor.js";

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
}

/** Of a preview. */
interface Wanted {
  readonly target: string;
  /** The provider asks who it is, though somebody is signed in there. */
  readonly isAsked: boolean;
}

const bindingSeconds = 600;
const bindingPattern = /^[\w-]{43}$/;
/** The daemon asks the provider about few at once: one address has a part of them. */
const finishingOfPeer = 4;
const longestTarget = 1_024;
const longestQuery = 16_384;

export class SigningIn {
  readonly #realm: string | undefined;
  readonly #daemon: Daemon;
  readonly #finishing = new PeerShares(finishingOfPeer);

  constructor(realm: string | undefined, daemon: Daemon) {
    this.#realm = realm;
    this.#daemon = daemon;
  }

  /** From the provider, whatever it says of whom. */
  async callback(request: VisitRequest, { address }: Pick<Visitor, "address">): Promise<Reply> {
    const [path, query = ""] = split(request.url);
    const isCallback = this.#realm !== undefined && request.method === "GET" && path === ownPaths.callback;
    if (!isCallback || query.length > longestQuery) return reply(nothingHere, request);
    const leave = this.#finishing.take(formatAddress(address));
    if (leave === undefined) return reply(signInTrouble("busy"), request);
    try {
      return await this.#orTrouble(request, async () => redirect(await this.#daemon.finishSignIn(query)));
    } finally {
      leave();
    }
  }

  /** What of a preview's host is the gateway's, and never the program's. */
  async answer(coming: Coming): Promise<Reply> {
    return await this.#orTrouble(coming.request, () => this.#answer(coming));
  }

  /** Who is not known yet is led to the provider. */
  async begin(coming: Coming, wanted: Wanted): Promise<Reply> {
    return await this.#orTrouble(coming.request, () => this.#begin(coming, wanted));
  }

  async #answer(coming: Coming): Promise<Reply> {
    const { request, visitor, place } = coming;
    const [path, query = ""] = split(place.target);
    if (signInOf(coming, this.#realm) === undefined || request.method !== "GET") return reply(nothingHere, request);
    if (path === ownPaths.signedIn) return await this.#enter(coming, query);
    if (path === ownPaths.signIn)
      return isPageOfItsOwn(request)
        ? await this.#begin(coming, { target: "/", isAsked: true })
        : reply(notKnown, request);
    if (path !== ownPaths.signOut) return reply(nothingHere, request);
    if (!isNavigation(request) && !isFromHere(coming)) return reply(notFromThatPage, request);
    const taken = (["alcove-signed-in", "alcove-preview"] as const).map((name) => takeCookie(name, visitor));
    return reply(signedOut, request, taken);
  }

  async #begin(coming: Coming, { target, isAsked }: Wanted): Promise<Reply> {
    const { visitor, port } = coming;
    // One for all tabs that sign in at the same time.
    const binding = bindingsOf(coming)[0] ?? randomBytes(32).toString("base64url");
    const cookie = setCookie("alcove-signing-in", { value: binding, lifetimeSeconds: bindingSeconds }, visitor);
    const location = await this.#daemon.beginSignIn({
      sandboxId: port.sandboxId,
      port: port.port,
      browser: digest(binding),
      target: target.length > longestTarget ? "/" : target,
      isAsked,
    });
    return redirect(location, [cookie]);
  }

  async #enter(coming: Coming, query: string): Promise<Reply> {
    const { request, visitor, port } = coming;
    const about = { sandboxId: port.sandboxId, port: port.port, realm: this.#realm ?? "" };
    const pass = new URLSearchParams(query).get("pass") ?? "";
    const handed = await readHandoff(pass, about, port.linkKey);
    if (handed === undefined) return reply(signInTrouble("over"), request);
    if (!bindingsOf(coming).some((binding) => digest(binding) === handed.browser))
      return reply(signInTrouble("elsewhere"), request);
    const lifetimeSeconds = Math.max(1, Math.floor(handed.until - Date.now() / 1_000));
    const value = await signSession(handed, about, port.linkKey, handed.until);
    return redirect(`${visitor.scheme}://${visitor.host}${handed.target}`, [
      setCookie("alcove-signed-in", { value, lifetimeSeconds }, visitor),
      takeCookie("alcove-signing-in", visitor),
    ]);
  }

  async #orTrouble(request: VisitRequest, answer: () => Promise<Reply>): Promise<Reply> {
    try {
      return await answer();
    } catch (error) {
      return reply(signInTrouble(error instanceof SignInFailed ? error.failure : "failed"), request);
    }
  }
}

/** By host name: a path's preview has no host of its own. */
export function isOwn({ prefix, target }: Pick<Place, "prefix" | "target">): boolean {
  return prefix === "" && target.startsWith(ownPaths.below);
}

function bindingsOf({ request, visitor }: Coming): string[] {
  return ownCookies("alcove-signing-in", request, visitor).filter((value) => bindingPattern.test(value));
}

function digest(binding: string): string {
  return createHash("sha256").update(binding).digest("base64url");
}

function split(target: string): [path: string, query?: string] {
  const at = target.indexOf("?");
  return at < 0 ? [target] : [target.slice(0, at), target.slice(at + 1)];
}

function redirect(location: string, cookies: string[] = []): Reply {
  const headers = { location, "cache-control": "no-store", "referrer-policy": "no-referrer" };
  return { status: 303, headers: { ...headers, ...(cookies.length > 0 && { "set-cookie": cookies }) } };
}

function reply(trouble: Trouble, request: VisitRequest, cookies: string[] = []): Reply {
  const { status, headers, body } = pageOf(trouble, request);
  return { status, body, headers: { ...headers, ...(cookies.length > 0 && { "set-cookie": cookies }) } };
}
