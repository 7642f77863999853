/** Whether who comes may: by a pass in the query or the cookie, or a key. What says so is ours, and never the program's. */
import type { Person } from "../../policy/ports/people.js";
import { passParameter, readPass, signPass } from "../signed-pass.js";
import type { Daemon } from "./daemon.js";
import { framersOf, isFrame, isFromHere } from "./from-here.js";
import { isNavigation, isPageOfItsOwn } from "./navigation.js";
import { ownCookies, setCookie } from "./own-cookies.js";
import type { Trouble } from "./page.js";
import type { Place } from "./place.js";
import type { OpenPort } from "./routes.js";
import { notListed, notSignedIn } from "./sign-in-troubles.js";
import { type SignedIn, signedInTo, signInOf } from "./signed-in.js";
import { linkEnded, notFromThatPage, notKnown } from "./troubles.js";
import type { VisitRequest } from "./visit-request.js";
import type { Visitor } from "./visitor.js";

export const keyHeader = "x-alcove-key";
const keyPattern = /^Bearer +(alc_[\w.-]+)$/i;

export type Admission =
  | Admitted
  /** To the same place without the pass, which the cookie stands for. */
  | { readonly kind: "exchange"; readonly location: string; readonly cookie: string }
  /** To the provider. */
  | { readonly kind: "signIn"; readonly target: string }
  | { readonly kind: "refused"; readonly trouble: Trouble };

export interface Admitted {
  readonly kind: "in";
  /** Milliseconds since 1970; left out where it is for as long as one likes. */
  readonly until?: number;
  /** Who has signed in, where that lets them in. */
  readonly person?: Person;
  /** Origins of pages that may show the answer in a frame; left out where the program decides. */
  readonly framers?: readonly string[];
}

export interface Coming {
  readonly request: VisitRequest;
  readonly visitor: Visitor;
  readonly place: Place;
  readonly port: OpenPort;
}

/** `realm`: whose names for people count. */
export async function admit(coming: Coming, daemon: Daemon, realm: string | undefined): Promise<Admission> {
  const { request, place, port } = coming;
  const { pass, target } = withoutPass(place.target);
  const now = Date.now();
  const about = { sandboxId: port.sandboxId, port: port.port, key: port.linkKey, now };
  const link = pass === undefined ? undefined : readPass(pass, { ...about, kind: "link" });
  if (link?.isOver === false && isNavigation(request))
    return { kind: "exchange", location: locationOf(coming, target), cookie: cookieOf(coming, link.until, now) };
  if (port.auth?.anonymous === true) return { kind: "in" };
  if (link?.isOver === false) return { kind: "in", until: link.until };
  const signedIn = await signedInTo(coming, realm);
  const held = heldBy(coming, signedIn, now);
  if (held !== undefined && isFromHere(coming)) return { kind: "in", ...held };
  const framers = held === undefined ? undefined : framersOf(coming);
  if (held !== undefined && framers !== undefined) return { kind: "in", ...held, framers };
  const key = keyOf(request);
  if (key !== undefined && (await daemon.mayCome(port.sandboxId, key))) return { kind: "in" };
  if (held !== undefined) return { kind: "refused", trouble: notFromThatPage };
  const canSignIn = signInOf(coming, realm) !== undefined;
  return stranger(coming, { target, signedIn, canSignIn, hasKey: key !== undefined, hasLink: link !== undefined });
}

interface Held {
  readonly until: number;
  readonly person?: Person;
}

/** By a cookie, of a sign-in before a link's. */
function heldBy(coming: Coming, signedIn: SignedIn | undefined, now: number): Held | undefined {
  if (signedIn?.isListed === true) return { until: signedIn.until, person: signedIn.person };
  const until = linkUntil(coming, now);
  return until === undefined ? undefined : { until };
}

/** When the best of its links' cookies ends; undefined where none is good. */
function linkUntil({ request, visitor, port }: Coming, now: number): number | undefined {
  const about = { kind: "cookie", sandboxId: port.sandboxId, port: port.port, key: port.linkKey, now } as const;
  const ends = ownCookies("alcove-preview", request, visitor)
    .map((value) => readPass(value, about))
    .flatMap((pass) => (pass?.isOver === false ? [pass.until] : []));
  return ends.length === 0 ? undefined : Math.max(...ends);
}

interface Strange {
  readonly target: string;
  readonly signedIn: SignedIn | undefined;
  readonly canSignIn: boolean;
  readonly hasKey: boolean;
  /** Which is over. */
  readonly hasLink: boolean;
}

function stranger({ request }: Coming, { target, signedIn, canSignIn, hasKey, hasLink }: Strange): Admission {
  if (signedIn !== undefined) return { kind: "refused", trouble: notListed(signedIn.person) };
  if (canSignIn && isPageOfItsOwn(request) && !hasKey) return { kind: "signIn", target };
  const known = canSignIn ? notSignedIn : notKnown;
  return { kind: "refused", trouble: hasLink ? linkEnded : known };
}

/** Taken out of the query as it is written; nothing else of it is touched. */
export function withoutPass(target: string): { readonly pass?: string; readonly target: string } {
  const at = target.indexOf("?");
  if (at < 0 || !target.includes(passParameter, at)) return { target };
  const parts = target.slice(at + 1).split("&");
  const isPass = (part: string) => part.startsWith(`${passParameter}=`);
  const pass = parts.find(isPass)?.slice(passParameter.length + 1);
  const kept = parts.filter((part) => !isPass(part)).join("&");
  const path = target.slice(0, at);
  return { target: kept === "" ? path : `${path}?${kept}`, ...(pass !== undefined && { pass }) };
}

export function isOurAuthorization(value: string): boolean {
  return keyPattern.test(value);
}

function keyOf({ headerValues: headers }: VisitRequest): string | undefined {
  const own = headers[keyHeader];
  if (own !== undefined) return own.length === 1 ? own[0]?.slice(0, 4_096) : undefined;
  return keyPattern.exec(headers.authorization?.[0] ?? "")?.[1]?.slice(0, 4_096);
}

/** With its origin: a path alone may begin with two slashes, and name another one. */
function locationOf({ visitor, place }: Coming, target: string): string {
  return `${visitor.scheme}://${visitor.host}${place.prefix}${target}`;
}

function cookieOf(coming: Coming, until: number, now: number): string {
  const { port, visitor, place } = coming;
  const expiresAt = until / 1_000;
  const value = signPass({ kind: "cookie", sandboxId: port.sandboxId, port: port.port, expiresAt }, port.linkKey);
  const lifetimeSeconds = Math.max(1, Math.floor(expiresAt - now / 1_000));
  const isFramed = isFrame(coming.request) && framersOf(coming) !== undefined;
  return setCookie("alcove-preview", { value, path: `${place.prefix}/`, lifetimeSeconds, isFramed }, visitor);
}
