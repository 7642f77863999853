/** The headers of a request as the program gets them: its own as they came, without what is about connections, and without what is ours. */
import { hopByHopHeaders } from "@alcove/contract";
import { pairs } from "../../lib/grouped-headers.js";
import type { Person } from "../../policy/ports/people.js";
import { isOurAuthorization, keyHeader } from "./admission.js";
import { isOurCookie } from "./own-cookies.js";
import type { Visitor } from "./visitor.js";

const notPassed: ReadonlySet<string> = new Set([
  ...hopByHopHeaders,
  ...[
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-prefix",
  ],
  ...["x-forwarded-user", "x-forwarded-email", "x-forwarded-preferred-username", "x-forwarded-groups"],
  ...["x-real-ip", "expect", "trailer", keyHeader],
]);

interface Sent {
  readonly rawHeaders: readonly string[];
  readonly visitor: Visitor;
  readonly prefix: string;
  /** Kept where the connection becomes one. */
  readonly isWebSocket?: boolean;
  /** Who has signed in. */
  readonly person?: Person | undefined;
}

/** Name, value, name, value, as Node's rawHeaders. */
export function headersToProgram({ rawHeaders, visitor, prefix, isWebSocket = false, person }: Sent): string[] {
  const named = namedByConnection(rawHeaders);
  const headers: string[] = [];
  let isChunked = false;
  for (const [name, value] of pairs(rawHeaders)) {
    const known = name.toLowerCase();
    if (known === "transfer-encoding") isChunked = true;
    // Servers of the field take the one for the other.
    if (notPassed.has(known.replaceAll("_", "-")) || named.has(known)) continue;
    const passed = ownPart(known, value);
    if (passed !== undefined) headers.push(name, passed);
  }
  if (isChunked) headers.push("transfer-encoding", "chunked");
  headers.push("connection", isWebSocket ? "upgrade" : "keep-alive");
  if (isWebSocket) headers.push("upgrade", "websocket");
  headers.push("x-forwarded-for", visitor.forwardedFor, "x-forwarded-host", visitor.host);
  headers.push("x-forwarded-proto", visitor.scheme);
  if (prefix !== "") headers.push("x-forwarded-prefix", prefix);
  if (person !== undefined) headers.push("x-forwarded-user", person.subject);
  if (person?.email !== undefined) headers.push("x-forwarded-email", person.email);
  return headers;
}

function ownPart(name: string, value: string): string | undefined {
  if (name === "authorization") return isOurAuthorization(value) ? undefined : value;
  if (name !== "cookie") return value;
  const theirs = value.split(";").filter((pair) => !isOurCookie(pair.split("=", 1)[0] ?? ""));
  return theirs.length === 0 ? undefined : theirs.join(";").trim();
}

/** Whether it would have us take away where it ends, or whom it is for. */
export function hidesItsEnds(rawHeaders: readonly string[]): boolean {
  const named = namedByConnection(rawHeaders);
  return named.has("content-length") || named.has("host");
}

/** Headers that the other side says are for this connection alone. */
export function namedByConnection(rawHeaders: readonly string[]): ReadonlySet<string> {
  const values = pairs(rawHeaders).filter(([name]) => name.toLowerCase() === "connection");
  return new Set(values.flatMap(([, value]) => value.split(",").map((text) => text.trim().toLowerCase())));
}
