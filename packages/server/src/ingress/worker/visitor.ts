/** Who comes: from which address, to which origin, as its connection says and proxies that are trusted. */
import { type Address, type AddressRange, formatAddress, parseAddress } from "@alcove/contract";
import { isTrusted, visitorAddress } from "../../policy/ports/visitor.js";
import type { VisitRequest } from "./visit-request.js";

export interface Visitor {
  readonly address: Address;
  readonly scheme: "http" | "https";
  /** With its port. */
  readonly host: string;
  /** What proxies before us wrote down, and the last of them. */
  readonly forwardedFor: string;
}

const hostPattern = /^[A-Za-z0-9.-]{1,253}(?::\d{1,5})?$|^\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?$/;

/** Undefined where it makes no sense. */
export function visitorOf(request: VisitRequest, trusted: readonly AddressRange[]): Visitor | undefined {
  const { headerValues: headers, remoteAddress = "" } = request;
  const peer = parseAddress(remoteAddress);
  if (peer === undefined || headers.host?.length !== 1) return undefined;
  const isBehind = isTrusted(peer, trusted);
  const chain = isBehind
    ? (headers["x-forwarded-for"] ?? [])
        .join(",")
        .split(",")
        .map((text) => text.trim())
        .filter(Boolean)
    : [];
  const address = visitorAddress(peer, chain, trusted);
  const host = (isBehind ? headers["x-forwarded-host"]?.at(-1) : undefined) ?? headers.host[0] ?? "";
  if (address === undefined || !hostPattern.test(host)) return undefined;
  const saidScheme = isBehind ? headers["x-forwarded-proto"]?.at(-1) : undefined;
  const isTls = saidScheme === undefined ? request.isTls : saidScheme === "https";
  return { address, scheme: isTls ? "https" : "http", host, forwardedFor: [...chain, formatAddress(peer)].join(", ") };
}
