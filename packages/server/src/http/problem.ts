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
  if (error.status === 429 || error.status === 503) response.setHeader("retry-after", "1");
  response.writeHead(error.status, {
    "content-type": "application/problem+json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}
