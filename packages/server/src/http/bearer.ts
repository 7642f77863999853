/** The token of a request. From `Authorization` only, never from a cookie or the path; browsers, whose WebSockets take no headers, put it beside the sub-protocol. */
import type { IncomingMessage } from "node:http";
import { headersOf } from "../lib/grouped-headers.js";

/** The sub-protocol that is answered; the token travels as another one, which is not. */
export const socketProtocol = "alcove.v1";
const tokenProtocol = "alcove.bearer.";

/** Undefined where there is none; empty, which nobody has, where what is there makes no sense. */
export function bearerToken(request: IncomingMessage): string | undefined {
  const given = headersOf(request).authorization;
  if (given === undefined) return isUpgrade(request) ? protocolToken(request) : undefined;
  const [, token = ""] = given.length === 1 ? (/^bearer +([\w.~+/=-]+)$/i.exec(given[0] ?? "") ?? []) : [];
  return token;
}

function isUpgrade({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

function protocolToken({ headers }: IncomingMessage): string | undefined {
  const protocols = headers["sec-websocket-protocol"]?.split(",").map((text) => text.trim()) ?? [];
  return protocols.find((text) => text.startsWith(tokenProtocol))?.slice(tokenProtocol.length);
}
