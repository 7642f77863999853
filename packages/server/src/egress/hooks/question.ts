/** What a rule's endpoint is told of a request: as the program sent it, before anything is put in or changed. */
import type { EgressHook } from "@alcove/contract";
import type { HttpFlow } from "../http/flow.js";
import { type HeaderList, valuesOf } from "../message/header-list.js";

export interface Asked {
  readonly rule: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: HeaderList;
}

/** JSON. */
export function questionOf(
  { requestHeaders = [] }: Pick<EgressHook, "requestHeaders">,
  { rule, method, path, headers }: Asked,
  { about, scheme, host, port }: Pick<HttpFlow, "about" | "scheme" | "host" | "port">,
): Buffer {
  const told = requestHeaders.flatMap((name) => {
    const values = valuesOf(headers, name.toLowerCase());
    return values.length === 0 ? [] : [[name, values.join(name.toLowerCase() === "cookie" ? "; " : ", ")]];
  });
  const question = { ...about, rule, method, scheme, host, port, path, requestHeaders: Object.fromEntries(told) };
  return Buffer.from(JSON.stringify(question));
}
