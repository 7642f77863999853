/** The span of one request or WebSocket, by OpenTelemetry's names for HTTP. It has the route, never the path and its query as they came. */
import { type IncomingMessage, METHODS } from "node:http";
import type { Span, Tracer } from "../lib/tracing.js";
import type { Match } from "./route-table.js";

const methods: ReadonlySet<string> = new Set(METHODS);
const serverFault = 500;
/** The answer was never sent. */
const clientGone = 499;

export function beginRequestSpan(
  tracer: Tracer,
  request: IncomingMessage,
  { requestId, peer }: { readonly requestId: string; readonly peer: string | undefined },
): Span {
  const method = methodOf(request);
  const agent = request.headers["user-agent"];
  const attributes = {
    "http.request.method": method,
    "url.scheme": "encrypted" in request.socket ? "https" : "http",
    "network.protocol.version": request.httpVersion,
    "network.transport": peer === undefined ? "unix" : "tcp",
    ...(peer !== undefined && { "client.address": peer }),
    ...(agent !== undefined && { "user_agent.original": agent }),
    "alcove.request_id": requestId,
  };
  return tracer.begin(method, request.headers, { kind: "server", attributes });
}

export function nameByRoute(span: Span, { route: { endpoint, kind } }: Match): void {
  span.rename(`${endpoint.method} ${endpoint.path}`);
  span.add({ "http.route": endpoint.path, "alcove.endpoint": endpoint.id, "alcove.websocket": kind === "socket" });
}

/** For whoever may know that it is there. */
export function tellTarget(span: Span, { route: { endpoint }, params }: Match): void {
  const { group, id } = params;
  if (group !== undefined) span.add({ "alcove.group": group });
  if (id !== undefined && endpoint.path.includes("/sandboxes/:id")) span.add({ "alcove.sandbox.id": id });
}

export function endRequestSpan(span: Span, status: number): void {
  if (status !== clientGone) span.add({ "http.response.status_code": status });
  if (status >= serverFault) span.fail(String(status));
  else if (status === clientGone) span.fail("client_gone");
  span.end();
}

function methodOf({ method = "" }: IncomingMessage): string {
  return methods.has(method) ? method : "_OTHER";
}
