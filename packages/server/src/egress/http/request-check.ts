/**
 * What a request must be like before any policy is asked: for the name that the connection leads to and for nothing else, and so
 * plain that no two readers could understand it differently.
 */

import { valuesOf } from "../message/header-list.js";
import { authorityOf, namesFlow } from "./asked-authority.js";
import type { HttpFlow } from "./flow.js";
import type { ProgramRequest } from "./program-request.js";
import type { Refusal } from "./refusal.js";

/** The path with its query, or why it is refused. */
export type CheckedTarget = { readonly path: string } | { readonly refusal: Refusal };

export interface CheckedFlow extends Pick<HttpFlow, "scheme" | "host" | "port"> {
  readonly protocol: "http/1" | "h2";
}

export const maxHeaders = 128;

export function checkRequest(request: ProgramRequest, flow: CheckedFlow): CheckedTarget {
  const refusal = formRefusal(request) ?? methodRefusal(request.method) ?? nameRefusal(request, flow);
  return refusal === undefined ? pathOf(request.target, flow) : { refusal };
}

function methodRefusal(method: string): Refusal | undefined {
  if (method === "CONNECT")
    return refusal(403, "refused-method", "CONNECT asks for a proxy, and there is none here", useless);
  if (method === "TRACE") return refusal(405, "refused-method", "TRACE is not passed on", useless);
  return undefined;
}

const useless = "Ask for the URL itself: names lead to their servers without a proxy.";

function formRefusal({ method, version, headers }: ProgramRequest): Refusal | undefined {
  // Methods have case, and Node's client would send upper case whatever was decided on.
  if (!/^[A-Z][A-Z_-]{0,31}$/.test(method)) return malformed("its method is none in upper case");
  if (!versions.has(version)) return malformed(`its version is ${version}`);
  if (headers.length > maxHeaders) {
    return refusal(431, "malformed-request", `it has more than ${maxHeaders} headers`, "Send fewer headers.");
  }
  const encodings = valuesOf(headers, "transfer-encoding");
  if (encodings.length > 0 && (encodings.length > 1 || encodings[0]?.toLowerCase() !== "chunked")) {
    return malformed("its Transfer-Encoding is another than chunked");
  }
  if (encodings.length > 0 && valuesOf(headers, "content-length").length > 0) {
    return malformed("it has both Content-Length and Transfer-Encoding");
  }
  return valuesOf(headers, "content-length").length > 1 ? malformed("it has more than one Content-Length") : undefined;
}

const versions: ReadonlySet<string> = new Set(["1.0", "1.1", "2"]);

function nameRefusal({ authorities, scheme }: ProgramRequest, flow: CheckedFlow): Refusal | undefined {
  if (scheme !== undefined && scheme !== flow.scheme)
    return mismatch(`the request is for ${scheme.slice(0, 20)}`, flow);
  if (authorities.length === 0) return mismatch("the request does not say its host", flow);
  if (flow.protocol === "http/1" && authorities.length > 1) return mismatch("the request has more than one Host", flow);
  const other = authorities.find((authority) => !namesFlow(authority, flow));
  return other === undefined ? undefined : mismatch(`the request is for ${other.slice(0, 300)}`, flow);
}

function pathOf(target: string, flow: CheckedFlow): CheckedTarget {
  if (!/^[!-~\u0080-\u00ff]+$/.test(target) || target.includes("#")) {
    return { refusal: malformed("its path has characters that no URL has") };
  }
  if (target.startsWith("/")) return { path: target };
  // OPTIONS of the server itself has no path that a rule could be about, and is nothing that a program needs.
  if (target === "*")
    return { refusal: refusal(405, "refused-method", "OPTIONS * is not passed on", "Ask for a path.") };
  const parts = /^([a-z]+):\/\/([^/?#]*)(\/[^#]*)?$/i.exec(target);
  if (parts === null) return { refusal: malformed("its target is no path") };
  const [, scheme = "", authority = "", path = "/"] = parts;
  if (scheme.toLowerCase() !== flow.scheme || !namesFlow(authority, flow)) {
    return { refusal: mismatch(`the request is for ${target.slice(0, 300)}`, flow) };
  }
  return { path };
}

function mismatch(seen: string, flow: CheckedFlow): Refusal {
  const reason = `${seen}, but its connection leads to ${authorityOf(flow)}`;
  const hint = "The name that was resolved, the one of TLS and the one in the request must be the same.";
  return refusal(flow.protocol === "h2" ? 421 : 403, "name-mismatch", reason, hint);
}

function malformed(reason: string): Refusal {
  return refusal(400, "malformed-request", reason, "Send it as HTTP has it (RFC 9110, RFC 9112).");
}

function refusal(status: number, rule: string, reason: string, hint: string): Refusal {
  return { status, rule, reason, hint };
}
