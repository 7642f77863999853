/** Errors on the wire: AlcoveErrors as they are, everything else as InternalError with an incident id that the log has too. */
import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { AlcoveError, toProblem } from "@alcove/contract";
import type { Logger } from "./logger.js";

/** The error as the caller may see it. What is our fault is logged here, once; the context has the path without its query. */
export function publicError(error: unknown, logger: Logger, context: Readonly<Record<string, unknown>>): AlcoveError {
  if (error instanceof AlcoveError && error.code !== "InternalError") {
    if (error.status >= 500) logger.warn({ ...context, err: error }, error.message);
    return error;
  }
  const incidentId = (error instanceof AlcoveError ? error.incidentId : undefined) ?? randomUUID();
  logger.error({ ...context, err: error, incidentId }, "A request failed through a fault of ours");
  return new AlcoveError("InternalError", undefined, { incidentId, cause: error });
}

export function sendProblem(response: ServerResponse, error: AlcoveError): void {
  const text = JSON.stringify(toProblem(error));
  response.writeHead(error.status, {
    ...problemHeaders(error),
    "content-type": "application/problem+json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

/** What a problem says in headers: how to be known, and when to try again. */
export function problemHeaders(error: AlcoveError): Record<string, string> {
  if (error.status === 401) return { "www-authenticate": 'Bearer realm="alcove"' };
  if (error.status !== 429 && error.status !== 503) return {};
  return { "retry-after": String(Math.max(1, Math.ceil((error.retryAfterMs ?? 0) / 1_000))) };
}
