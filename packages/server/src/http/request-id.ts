import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** The caller's own id, if it is harmless, so that its log and ours can be laid side by side. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}
