/** Cookies that are the gateway's, each of a preview's host alone: they never reach a program, and programs set none. */
import type { VisitRequest } from "./visit-request.js";
import type { Visitor } from "./visitor.js";

/** Of a link; of who has signed in; of the browser that is signing in. */
type Name = "alcove-preview" | "alcove-signed-in" | "alcove-signing-in";

type Scheme = Pick<Visitor, "scheme">;

/** A link's may be of a path; the others are of a host, and over TLS no other host can set them. */
export function cookieName(name: Name, { scheme }: Scheme): string {
  if (scheme === "http") return name;
  return name === "alcove-preview" ? `__Secure-${name}` : `__Host-${name}`;
}

export function isOurCookie(name: string): boolean {
  return /^(?:__(?:Host|Secure)-)?alcove-(?:preview|signed-in|signing-in)$/i.test(name.trim());
}

/** All that there are of the name. */
export function ownCookies(name: Name, { headers }: Pick<VisitRequest, "headers">, visitor: Scheme): string[] {
  const known = cookieName(name, visitor);
  return (headers.cookie ?? "").split(";").flatMap((pair) => {
    const at = pair.indexOf("=");
    return pair.slice(0, at).trim() === known ? [pair.slice(at + 1).trim()] : [];
  });
}

interface Set {
  readonly value: string;
  readonly path?: string;
  readonly lifetimeSeconds: number;
  /** For one page alone that shows the preview in a frame. */
  readonly isFramed?: boolean;
}

/** As Set-Cookie says it. */
export function setCookie(
  name: Name,
  { value, path = "/", lifetimeSeconds, isFramed = false }: Set,
  visitor: Scheme,
): string {
  const where = isFramed ? "SameSite=None; Secure; Partitioned" : alone(visitor);
  return `${cookieName(name, visitor)}=${value}; Path=${path}; Max-Age=${lifetimeSeconds}; HttpOnly; ${where}`;
}

export function takeCookie(name: Name, visitor: Scheme): string {
  return setCookie(name, { value: "", lifetimeSeconds: 0 }, visitor);
}

function alone({ scheme }: Scheme): string {
  return scheme === "https" ? "SameSite=Lax; Secure" : "SameSite=Lax";
}
