/**
 * From an HTTP request to a WebSocket: checked first, so that what is wrong is answered as a problem before the upgrade.
 *
 * To add an endpoint that is a WebSocket: 1. in the contract `method: "GET"`, `status: 101`, `result: "none"` and `stream` with the
 * messages of both directions, from which OpenAPI tells them  2. `socketRoute` in routes/<noun>.ts. Its handler gets who called and may
 * call it, as any other's; `messages` to read, which holds the client back while it does not, and `messages.send`, which waits for a client
 * that does not read; and a `signal` for when the client is gone. What it throws is told to the client as a problem.
 */
import type { IncomingMessage } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { AlcoveError, toProblem } from "@alcove/contract";
import { type WebSocket, WebSocketServer } from "ws";
import { socketProtocol } from "./bearer.js";
import { endSurely } from "./client-error.js";
import type { Connections } from "./connections.js";
import { checkComing, type Door } from "./door.js";
import type { Guard, Visit } from "./guard.js";
import type { Logger } from "./logger.js";
import { problemHeaders, publicError } from "./problem.js";
import { target } from "./request-target.js";
import type { RouteTable } from "./route-table.js";
import { watchLiveness } from "./socket-liveness.js";

const maximumMessageBytes = 1_048_576;
/** Status of the answer that makes a connection a WebSocket. */
const switching = 101;
/** Close codes of RFC 6455. */
const goingAway = 1001;
const policyViolation = 1008;
const politeMs = 500;

interface Context {
  readonly routes: RouteTable;
  readonly logger: Logger;
  readonly connections: Connections;
  readonly guard: Guard;
}

export interface Upgrades {
  readonly handle: (door: Door, request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Takes no more upgrades. */
  close(): void;
  /** Cuts off the sockets whose clients have not answered the closing. */
  terminate(): void;
}

export function createUpgrades(context: Context): Upgrades {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: maximumMessageBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => offered.has(socketProtocol) && socketProtocol,
  });
  return {
    handle(door, request, socket, head) {
      socket.on("error", () => socket.destroy());
      const visit = context.guard.visit(door, request);
      let status = switching;
      socket.once("close", () => visit.over(status));
      void visit.within(() =>
        accept(context, { door, request, visit })
          .then((serve) => server.handleUpgrade(request, socket, head, serve))
          .catch((error: unknown) => {
            const shown = publicError(error, context.logger, { method: request.method, path: target(request)[0] });
            status = shown.status;
            refuse(socket, shown);
          }),
      );
    },
    close: () => server.close(),
    terminate: () => {
      for (const socket of server.clients) socket.terminate();
    },
  };
}

interface Coming {
  readonly door: Door;
  readonly request: IncomingMessage;
  readonly visit: Visit;
}

async function accept(
  { routes, connections }: Context,
  { door, request, visit }: Coming,
): Promise<(socket: WebSocket) => void> {
  checkComing(door, request);
  const [path, query] = target(request);
  const match = routes.match(request.method ?? "", path);
  const ending = new AbortController();
  await visit.admit(match, (reason) => ending.abort(reason));
  const { route, params } = match;
  if (route.kind !== "socket") {
    throw new AlcoveError("InvalidRequest", "This endpoint is no WebSocket.", { field: "upgrade" });
  }
  const serve = route.accept(params, query);
  return (socket) => {
    const { signal, done } = connections.beginSocket();
    void serveSocket(socket, serve, { stopping: signal, ending: ending.signal }).finally(done);
  };
}

async function serveSocket(
  socket: WebSocket,
  serve: (socket: WebSocket, signal: AbortSignal) => Promise<void>,
  { stopping, ending }: { readonly stopping: AbortSignal; readonly ending: AbortSignal },
): Promise<void> {
  const client = new AbortController();
  const stop = () => socket.close(goingAway, "The daemon is stopping");
  stopping.addEventListener("abort", stop, { once: true });
  ending.addEventListener("abort", () => endAtOnce(socket, ending.reason as AlcoveError), { once: true });
  socket.on("close", () => client.abort(new Error("The client is gone")));
  watchLiveness(socket);
  // A broken frame or a message that is too large: ws closes the socket with the right code.
  socket.on("error", () => undefined);
  try {
    await serve(socket, client.signal);
  } finally {
    stopping.removeEventListener("abort", stop);
  }
}

/** The caller may no longer: a client that does not answer the closing is not waited for. */
function endAtOnce(socket: WebSocket, error: AlcoveError): void {
  socket.close(policyViolation, error.code);
  setTimeout(() => socket.terminate(), politeMs).unref();
}

function refuse(socket: Duplex, error: AlcoveError): void {
  const body = JSON.stringify(toProblem(error));
  endSurely(
    socket,
    [
      `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ""}`,
      "connection: close",
      ...Object.entries(problemHeaders(error)).map(([name, value]) => `${name}: ${value}`),
      "content-type: application/problem+json",
      `content-length: ${Buffer.byteLength(body)}`,
      "",
      body,
    ].join("\r\n"),
  );
}
