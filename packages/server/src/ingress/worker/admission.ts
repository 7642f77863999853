/** Whether who comes may: by a pass in the query or the cookie, or a key. What says so is ours, and never the program's. */
import type { IncomingMessage } from "node:http";
import { passParameter, readPass, signPass } from "../signed-pass.js";
import type { Daemon } from "./daemon.js";
import { isFromHere } from "./from-here.js";
import type { Trouble } from "./page.js";
import type { Place } from "./place.js";
import type { OpenPort } from "./routes.js";
import { notFromThatPage, notKnown } from "./troubles.js";
import type { Visitor } from "./visitor.js";

export const keyHeader = "x-alcove-key";
const keyPattern = /^Bearer +(alc_[\w.-]+)$/i;

export type Admission =
  | { readonly kind: "in" }
  /** To the same place without the pass, which the cookie stands for. */
  | { readonly kind: "exchange"; readonly location: string; readonly cookie: string }
  | { readonly kind: "refused"; readonly trouble: Trouble };

export interface Coming {
  readonly request: IncomingMessage;
  readonly visitor: Visitor;
  readonly place: Place;
  readonly port: OpenPort;
}

export async function admit(coming: Coming, daemon: Daemon): Promise<Admission> {
  const { request, place, port } = coming;
  const { pass, target } = withoutPass(place.target);
  const now = Date.now();
  const about = { sandboxId: port.sandboxId, port: port.port, key: port.linkKey, now };
  const expiresAt = pass === undefined ? undefined : readPass(pass, { ...about, kind: "link" });
  if (expiresAt !== undefined && isNavigation(request))
    return { kind: "exchange", location: locationOf(coming, target), cookie: cookieOf(coming, expiresAt, now) };
  if (expiresAt !== undefined || port.auth?.anonymous === true) return { kind: "in" };
  const name = cookieName(coming.visitor);
  const isKnown = cookiesOf(request).some(
    ([given, value]) => given === name && readPass(value, { ...about, kind: "cookie" }),
  );
  if (isKnown && isFromHere(coming)) return { kind: "in" };
  const key = keyOf(request);
  if (key !== undefined && (await daemon.mayCome(port.sandboxId, key))) return { kind: "in" };
  return { kind: "refused", trouble: isKnown ? notFromThatPage : notKnown };
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

function keyOf({ headersDistinct: headers }: IncomingMessage): string | undefined {
  const own = headers[keyHeader];
  if (own !== undefined) return own.length === 1 ? own[0]?.slice(0, 4_096) : undefined;
  return keyPattern.exec(headers.authorization?.[0] ?? "")?.[1]?.slice(0, 4_096);
}

/** With its origin: a path alone may begin with two slashes, and name another one. */
function locationOf({ visitor, place }: Coming, target: string): string {
  return `${visitor.scheme}://${visitor.host}${place.prefix}${target}`;
}

function cookieOf({ port, visitor, place }: Coming, expiresAt: number, now: number): string {
  const value = signPass({ kind: "cookie", sandboxId: port.sandboxId, port: port.port, expiresAt }, port.linkKey);
  const lifetime = Math.max(1, Math.floor(expiresAt - now / 1_000));
  const secure = visitor.scheme === "https" ? "; Secure" : "";
  return `${cookieName(visitor)}=${value}; Path=${place.prefix}/; Max-Age=${lifetime}; HttpOnly; SameSite=Lax${secure}`;
}

function cookiesOf({ headers }: IncomingMessage): [name: string, value: string][] {
  return (headers.cookie ?? "").split(";").map((pair) => {
    const at = pair.indexOf("=");
    return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  });
}

/** A browser that goes there; programs that fetch it are let in without ado. */
function isNavigation({ method, headers }: IncomingMessage): boolean {
  const mode = headers["sec-fetch-mode"];
  if (method !== "GET" || headers.upgrade !== undefined) return false;
  return mode === undefined ? headers.accept?.includes("text/html") === true : mode === "navigate";
}
