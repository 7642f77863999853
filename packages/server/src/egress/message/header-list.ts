/** Headers as they were sent: in their order and case, each as often as it was there. */
import { type HeaderChange, hopByHopHeaders } from "@alcove/contract";

export type HeaderList = readonly [name: string, value: string][];

/** From Node's `rawHeaders`: names and values by turns. */
export function headerListOf(raw: readonly string[]): HeaderList {
  const list: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) list.push([raw[at] ?? "", raw[at + 1] ?? ""]);
  return list;
}

export function rawHeadersOf(headers: HeaderList): string[] {
  return headers.flat();
}

export function valuesOf(headers: HeaderList, name: string): string[] {
  return headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
}

export function hasHeader(headers: HeaderList, name: string): boolean {
  return headers.some(([other]) => other.toLowerCase() === name);
}

export function withoutHeaders(headers: HeaderList, names: ReadonlySet<string>): HeaderList {
  return headers.filter(([name]) => !names.has(name.toLowerCase()));
}

/** Without those of the connection itself (RFC 9110, 7.6.1), and those that its Connection header names. */
export function endToEnd(headers: HeaderList): HeaderList {
  const named = valuesOf(headers, "connection").flatMap((value) => value.split(","));
  const options = named.map((name) => name.trim().toLowerCase()).filter((name) => !neverHopByHop.has(name));
  return withoutHeaders(headers, new Set([...hopByHopHeaders, ...options]));
}

/** What says whom a message is for and where it ends stays, whatever Connection names. */
const neverHopByHop: ReadonlySet<string> = new Set(["host", "content-length"]);

/** A change whose value is known. */
export type LiteralChange =
  | { readonly operation: "Set" | "Insert"; readonly name: string; readonly value: string }
  | Extract<HeaderChange, { operation: "Remove" }>;

export function changed(headers: HeaderList, changes: readonly LiteralChange[]): HeaderList {
  return changes.reduce(changedBy, headers);
}

function changedBy(headers: HeaderList, change: LiteralChange): HeaderList {
  const name = change.name.toLowerCase();
  if (change.operation === "Insert" && hasHeader(headers, name)) return headers;
  const others = headers.filter(([other]) => other.toLowerCase() !== name);
  return change.operation === "Remove" ? others : [...others, [change.name, change.value]];
}

/** Trailers without what would be framing, routing or the policy's own, had it come as a header. */
export function safeTrailers(trailers: HeaderList, changes: readonly LiteralChange[]): HeaderList {
  const ofThePolicy = changes.map(({ name }) => name.toLowerCase());
  return withoutHeaders(trailers, new Set([...hopByHopHeaders, ...neverTrailers, ...ofThePolicy]));
}

/** RFC 9110, 6.5.1. */
const neverTrailers: readonly string[] = [
  "authorization",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "host",
  "set-cookie",
  "trailer",
];
