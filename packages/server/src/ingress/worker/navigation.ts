/** Whether a browser goes somewhere, as its headers say; what says nothing of the kind is taken by what it accepts. Pure. */
import type { VisitRequest } from "./visit-request.js";

/** Programs that fetch it are let in, or not, without ado. */
export function isNavigation({ method, headers }: VisitRequest): boolean {
  const mode = headers["sec-fetch-mode"];
  if (method !== "GET" || headers.upgrade !== undefined) return false;
  return mode === undefined ? headers.accept?.includes("text/html") === true : mode === "navigate";
}

/** One that fills a tab: what is framed cannot sign in. */
export function isPageOfItsOwn(request: VisitRequest): boolean {
  const destination = request.headers["sec-fetch-dest"];
  return isNavigation(request) && (destination === undefined || destination === "document");
}
