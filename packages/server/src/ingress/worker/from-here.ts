/** Whether a browser sends a request for the preview's own page, for its user, or for a page that the port names. Pure. */
import type { IncomingMessage } from "node:http";
import type { Coming } from "./admission.js";

/**
 * A cookie travels with what other pages send too. What is no browser says nothing of this kind, and has no cookie that it did not choose.
 * https://www.w3.org/TR/fetch-metadata/
 */
export function isFromHere({ request, visitor, port }: Coming): boolean {
  const { origin, "sec-fetch-site": site } = request.headers;
  if (origin === undefined && site === undefined) return true;
  if (site === "same-origin" || site === "none") return true;
  const known = [`${visitor.scheme}://${visitor.host}`, ...(port.cors?.allowOrigins ?? [])];
  if (origin !== undefined && known.some((one) => one.toLowerCase() === origin.toLowerCase())) return true;
  return isTopNavigation(request);
}

/** Which only shows a page to its user, as links anywhere may. */
function isTopNavigation({ method, headers }: IncomingMessage): boolean {
  return method === "GET" && headers["sec-fetch-mode"] === "navigate" && headers["sec-fetch-dest"] === "document";
}
