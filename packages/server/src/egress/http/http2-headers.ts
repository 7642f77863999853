/** Headers between lists and the objects that Node's HTTP/2 takes. */
import { constants, type Http2Stream, type OutgoingHttpHeaders } from "node:http2";
import { groupedHeaders } from "../../lib/grouped-headers.js";
import { singleHeaders } from "../../lib/http2-single-headers.js";
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

/** In lower case; what came several times stays several. Of what Node takes once the first counts, as its own reading has it. */
export function http2Headers(headers: HeaderList): OutgoingHttpHeaders {
  const result: OutgoingHttpHeaders = Object.create(null);
  for (const [name, values] of Object.entries(groupedHeaders(headers)))
    result[name] = values.length === 1 || singleHeaders.has(name) ? values[0] : values;
  return result;
}
