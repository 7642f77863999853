/** Headers between lists and the objects that Node's HTTP/2 takes. */
import { constants, type Http2Stream, type OutgoingHttpHeaders } from "node:http2";
import { type HeaderList, headerListOf } from "../message/header-list.js";

/** Without those that begin with a colon. */
export function plainHeaders(raw: readonly string[]): HeaderList {
  return headerListOf(raw).filter(([name]) => !name.startsWith(":"));
}

/** What comes behind a body; where it cannot be sent as it is, the stream ends as one that broke. */
export function sendTrailers(stream: Http2Stream, trailers: HeaderList): void {
  try {
    stream.sendTrailers(http2Headers(trailers));
  } catch {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}

/** In lower case; what came several times stays several. */
export function http2Headers(headers: HeaderList): OutgoingHttpHeaders {
  const result: Record<string, string | string[]> = {};
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const known = result[key];
    if (known === undefined) result[key] = value;
    else if (!single.has(key)) result[key] = Array.isArray(known) ? [...known, value] : [known, value];
  }
  return result;
}

/** Node refuses these more than once; the first counts, as Node's own reading has it. */
const single: ReadonlySet<string> = new Set([
  "access-control-allow-credentials",
  "access-control-max-age",
  "access-control-request-method",
  "age",
  "alt-svc",
  "authorization",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-md5",
  "content-range",
  "content-type",
  "date",
  "dnt",
  "early-data",
  "etag",
  "expires",
  "from",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "last-modified",
  "location",
  "max-forwards",
  "origin",
  "proxy-authorization",
  "range",
  "referer",
  "retry-after",
  "sec-websocket-key",
  "sec-websocket-version",
  "server",
  "tk",
  "upgrade-insecure-requests",
  "user-agent",
  "x-content-type-options",
]);
