/** Whether a browser sends a request for the preview's own page, for its user, or for a page that the port names. Pure. */
import type { Coming } from "./admission.js";
import { isNavigation } from "./navigation.js";
import type { VisitRequest } from "./visit-request.js";

/**
 * A cookie travels with what other pages send too. What is no browser says nothing of this kind, and has no cookie that it did not choose.
 * https://www.w3.org/TR/fetch-metadata/
 */
export function isFromHere({ request, visitor, port }: Coming): boolean {
  const { origin, referer, "sec-fetch-site": site } = request.headers;
  const own = `${visitor.scheme}://${visitor.host}`;
  if (saysNothing(request)) return !isBrowser(request) || referer?.startsWith(`${own}/`) === true;
  if (site === "same-origin" || site === "none") return true;
  const known = [own, ...(port.cors?.allowOrigins ?? [])];
  if (origin !== undefined && known.some((one) => one.toLowerCase() === origin.toLowerCase())) return true;
  // Which only shows a page to its user, as links anywhere may.
  return isNavigation(request) && request.headers["sec-fetch-dest"] === "document";
}

/** Origins of the pages that may show it in a frame, which the browser holds to them; undefined where that is not what is asked, or nobody may. */
export function framersOf({ request, port }: Coming): readonly string[] | undefined {
  const named = port.cors?.allowOrigins.filter((origin) => origin !== "*") ?? [];
  if (saysNothing(request)) return isNavigation(request) ? named : undefined;
  return isFrame(request) && named.length > 0 ? named : undefined;
}

export function isFrame(request: VisitRequest): boolean {
  return isNavigation(request) && ["iframe", "frame"].includes(String(request.headers["sec-fetch-dest"]));
}

/** Browsers do so in the clear, where it is not below localhost, and old ones everywhere. */
function saysNothing({ headers }: VisitRequest): boolean {
  return headers.origin === undefined && headers["sec-fetch-site"] === undefined;
}

function isBrowser({ headers }: VisitRequest): boolean {
  return headers["user-agent"]?.startsWith("Mozilla/") === true;
}
