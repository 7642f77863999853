/** One request from its arrival to its answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { AlcoveError } from "@alcove/contract";
import type { Connections } from "./connections.js";
import { checkComing, type Door, trustedOrigin } from "./door.js";
import type { Guard, Visit } from "./guard.js";
import type { Logger } from "./logger.js";
import { publicError, sendProblem } from "./problem.js";
import type { Allowance } from "./rate-limits.js";
import { target } from "./request-target.js";
import type { HttpRoute, Match, RouteTable } from "./route-table.js";

export interface Answering {
  readonly routes: RouteTable;
  readonly logger: Logger;
  readonly connections: Connections;
  readonly guard: Guard;
}

/** Finds the route, runs it, and turns whatever it throws into a problem. */
export async function answer(
  context: Answering,
  door: Door,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { connections, guard, logger } = context;
  const visit = guard.visit(door, request);
  const { requestId } = visit;
  response.setHeader("x-request-id", requestId);
  response.once("close", () => visit.over(response.headersSent ? response.statusCode : clientGone));
  const underway = connections.begin(response);
  await visit.within(async () => {
    try {
      await run(context, { door, request, response, visit, underway });
    } catch (error) {
      if (response.destroyed) return;
      const shown = publicError(error, logger, { requestId, method: request.method, path: target(request)[0] });
      fail(context.routes, request, response, shown);
    }
  });
}

interface Asked {
  readonly door: Door;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly visit: Visit;
  readonly underway: ReturnType<Connections["begin"]>;
}

async function run({ routes }: Answering, { door, request, response, visit, underway }: Asked): Promise<void> {
  checkComing(door, request);
  letPageRead(door, request, response);
  const [path, query] = target(request);
  if (request.method === "OPTIONS") return options(routes, path, response);
  const match = routes.match(request.method ?? "", path);
  const { end, ...signals } = underway;
  const { caller, allowance } = await visit.admit(match, end);
  tellAllowance(response, allowance);
  const route = httpRoute(match);
  await route.handle({ request, params: match.params, query, caller, ...signals }, response);
}

/** As others log it; no answer was sent. */
const clientGone = 499;

function tellAllowance(response: ServerResponse, allowance: Allowance | undefined): void {
  if (allowance === undefined) return;
  response.setHeader("ratelimit-limit", allowance.limit);
  response.setHeader("ratelimit-remaining", allowance.left);
  response.setHeader("ratelimit-reset", allowance.resetSeconds);
}

function httpRoute({ route }: Match): HttpRoute {
  if (route.kind === "http") return route;
  throw new AlcoveError("InvalidRequest", "This endpoint is a WebSocket.", {
    field: "upgrade",
    hint: "Connect with a WebSocket client.",
  });
}

/** Without credentials of the browser's own: a page has to have a token. */
function letPageRead(door: Door, request: IncomingMessage, response: ServerResponse): void {
  if (door.origins.size > 0) response.setHeader("vary", "origin");
  const origin = trustedOrigin(door, request);
  if (origin === undefined) return;
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader(
    "access-control-expose-headers",
    "ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after, x-request-id",
  );
}

function options(routes: RouteTable, path: string, response: ServerResponse): void {
  const allow = routes.methods(path).join(", ");
  const isPreflight = response.hasHeader("access-control-allow-origin");
  const forPages = {
    "access-control-allow-methods": allow,
    "access-control-allow-headers": "authorization, content-type, x-request-id",
    "access-control-max-age": "600",
  };
  response.writeHead(204, { allow, ...(isPreflight ? forPages : {}) }).end();
}

function fail(routes: RouteTable, request: IncomingMessage, response: ServerResponse, error: AlcoveError): void {
  if (response.headersSent) {
    // Half an answer must not look like a whole one.
    response.destroy();
    return;
  }
  for (const name of ["content-length", "content-type"]) response.removeHeader(name);
  if (error.code === "MethodNotAllowed") response.setHeader("allow", routes.methods(target(request)[0]).join(", "));
  // The rest of a body that nobody wants is not read: the connection ends with the answer.
  if (!request.readableEnded && hasBody(request)) response.setHeader("connection", "close");
  sendProblem(response, error);
}

function hasBody(request: IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  return encoding !== undefined || (length !== undefined && length !== "0");
}
