/** Whether who comes may: by a pass in the query or the cookie, or a key. What says so is ours, and never the program's. */
import { passParameter, readPass, signPass } from "../signed-pass.js";
import type { Daemon } from "./daemon.js";
import { framersOf, isFromHere } from "./from-here.js";
import type { Trouble } from "./page.js";
import type { Place } from "./place.js";
import type { OpenPort } from "./routes.js";
import { linkEnded, notFromThatPage, notKnown } from "./troubles.js";
import type { VisitRequest } from "./visit-request.js";
import type { Visitor } from "./visitor.js";

export const keyHeader = "x-alcove-key";
const keyPattern = /^Bearer +(alc_[\w.-]+)$/i;

export type Admission =
  | Admitted
  /** To the same place without the pass, which the cookie stands for. */
  | { readonly kind: "exchange"; readonly location: string; readonly cookie: string }
  | { readonly kind: "refused"; readonly trouble: Trouble };

export interface Admitted {
  readonly kind: "in";
  /** Milliseconds since 1970; left out where it is for as long as one likes. */
  readonly until?: number;
  /** Origins of pages that may show the answer in a frame; left out where the program decides. */
  readonly framers?: readonly string[];
}

export interface Coming {
  readonly request: VisitRequest;
  readonly visitor: Visitor;
  readonly place: Place;
  readonly port: OpenPort;
}

export async function admit(coming: Coming, daemon: Daemon): Promise<Admission> {
  const { request, place, port } = coming;
  const { pass, target } = withoutPass(place.target);
  const now = Date.now();
  const about = { sandboxId: port.sandboxId, port: port.port, key: port.linkKey, now };
  const link = pass === undefined ? undefined : readPass(pass, { ...about, kind: "link" });
  if (link?.isOver === false && isNavigation(request))
    return { kind: "exchange", location: locationOf(coming, target), cookie: cookieOf(coming, link.until, now) };
  if (port.auth?.anonymous === true) return { kind: "in" };
  if (link?.isOver === false) return { kind: "in", until: link.until };
  const until = cookieUntil(coming, now);
  if (until !== undefined && isFromHere(coming)) return { kind: "in", until };
  const framers = until === undefined ? undefined : framersOf(coming);
  if (until !== undefined && framers !== undefined) return { kind: "in", until, framers };
  const key = keyOf(request);
  if (key !== undefined && (await daemon.mayCome(port.sandboxId, key))) return { kind: "in" };
  if (until !== undefined) return { kind: "refused", trouble: notFromThatPage };
  return { kind: "refused", trouble: link === undefined ? notKnown : linkEnded };
}

/** When the best of its cookies ends; undefined where none is good. */
function cookieUntil({ request, visitor, port }: Coming, now: number): number | undefined {
  const about = { kind: "cookie", sandboxId: port.sandboxId, port: port.port, key: port.linkKey, now } as const;
  const ends = cookiesOf(request)
    .filter(([name]) => name === cookieName(visitor))
    .map(([, value]) => readPass(value, about))
    .flatMap((pass) => (pass?.isOver === false ? [pass.until] : []));
  return ends.length === 0 ? undefined : Math.max(...ends);
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

/** A cookie of this host alone. */
export function cookieName({ scheme }: Pick<Visitor, "scheme">): string {
  return scheme === "https" ? "__Secure-alcove-preview" : "alcove-preview";
}

export function isOurCookie(name: string): boolean {
  return /^(?:__(?:Host|Secure)-)?alcove-preview$/i.test(name.trim());
}

export function isOurAuthorization(value: string): boolean {
  return keyPattern.test(value);
}

function keyOf({ headersDistinct: headers }: VisitRequest): string | undefined {
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
  const lifetime = Math.max(1, Math.floor(expiresAt - now / 1_000));
  const where = framersOf(coming) === undefined ? alone(visitor) : "SameSite=None; Secure; Partitioned";
  return `${cookieName(visitor)}=${value}; Path=${place.prefix}/; Max-Age=${lifetime}; HttpOnly; ${where}`;
}

function alone({ scheme }: Visitor): string {
  return scheme === "https" ? "SameSite=Lax; Secure" : "SameSite=Lax";
}

function cookiesOf({ headers }: VisitRequest): [name: string, value: string][] {
  return (headers.cookie ?? "").split(";").map((pair) => {
    const at = pair.indexOf("=");
    return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  });
}

/** A browser that goes there; programs that fetch it are let in without ado. */
function isNavigation({ method, headers }: VisitRequest): boolean {
  const mode = headers["sec-fetch-mode"];
  if (method !== "GET" || headers.upgrade !== undefined) return false;
  return mode === undefined ? headers.accept?.includes("text/html") === true : mode === "navigate";
}
