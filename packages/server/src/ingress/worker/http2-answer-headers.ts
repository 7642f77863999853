/** The headers of an answer by HTTP/2, which takes some of them once alone. */
import { hopByHopHeaders } from "@alcove/contract";
import { groupedHeaders, pairs } from "../../lib/grouped-headers.js";
import { singleHeaders } from "../../lib/http2-single-headers.js";
import { TwoValues } from "./two-values.js";

const hopByHop: ReadonlySet<string> = new Set(hopByHopHeaders);
/** Of those, what is a list by its definition: several lines say the same as one. */
const lists: ReadonlySet<string> = new Set([
  "alt-svc",
  "content-encoding",
  "content-language",
  "x-content-type-options",
]);

/** Of name, value, name, value. Throws TwoValues. */
export function http2AnswerHeaders(headers: readonly string[]): Record<string, string | string[]> {
  const result: Record<string, string | string[]> = Object.create(null);
  for (const [name, values] of Object.entries(groupedHeaders(pairs(headers))))
    if (!hopByHop.has(name)) result[name] = singleHeaders.has(name) ? oneOf(name, values) : values;
  return result;
}

function oneOf(name: string, values: readonly string[]): string {
  const different = [...new Set(values)];
  if (different.length > 1 && !lists.has(name)) throw new TwoValues(name);
  return different.join(", ");
}
