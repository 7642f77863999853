/** `socketRoute` ties a streaming endpoint to a handler that talks over a WebSocket until one of them is done. */
import type { AlcoveError, Endpoint } from "@alcove/contract";
import { toProblem } from "@alcove/contract";
import type { WebSocket } from "ws";
import type { z } from "zod";
import type { Logger } from "./logger.js";
import { publicError } from "./problem.js";
import type { RouteTable } from "./route-table.js";
import { type SocketMessages, socketMessages } from "./socket-messages.js";
import { queryObject, validate } from "./validation.js";

export interface SocketCall<Params extends z.ZodType, Query extends z.ZodType> {
  readonly params: z.output<Params>;
  readonly query: z.output<Query>;
  readonly messages: SocketMessages;
  /** Aborts when the socket is closed or the daemon stops. */
  readonly signal: AbortSignal;
}

/** Close codes of RFC 6455. */
const closeCodes = { done: 1000, policyViolation: 1008, internalError: 1011 };

export function socketRoute<P extends z.ZodType, Q extends z.ZodType>(
  routes: RouteTable,
  endpoint: Endpoint<P, Q>,
  logger: Logger,
  handle: (call: SocketCall<P, Q>) => Promise<void>,
  errorMessage: (error: AlcoveError) => string = execError,
): void {
  routes.add(endpoint.method, endpoint.path, {
    kind: "socket",
    endpoint,
    accept: (givenParams, givenQuery) => {
      const params = validate(endpoint.params, givenParams, "path");
      const query = validate(endpoint.query, queryObject(givenQuery), "query");
      return async (socket, signal) => {
        try {
          await handle({ params, query, messages: socketMessages(socket), signal });
          socket.close(closeCodes.done);
        } catch (error) {
          if (isOpen(socket)) tellError(socket, publicError(error, logger, { endpoint: endpoint.id }), errorMessage);
        }
      };
    },
  });
}

function execError(error: AlcoveError): string {
  return JSON.stringify({ type: "error", problem: toProblem(error) });
}

function tellError(socket: WebSocket, error: AlcoveError, message: (error: AlcoveError) => string): void {
  socket.send(message(error));
  socket.close(error.status < 500 ? closeCodes.policyViolation : closeCodes.internalError, error.code);
}

function isOpen(socket: WebSocket): boolean {
  return socket.readyState === socket.OPEN;
}
