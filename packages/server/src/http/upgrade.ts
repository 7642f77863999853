/** From an HTTP request to a WebSocket: checked first, so that what is wrong is answered as a problem before the upgrade. */
import type { IncomingMessage } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { AlcoveError, toProblem } from "@alcove/contract";
import { type WebSocket, WebSocketServer } from "ws";
import { socketProtocol } from "./bearer.js";
import type { Connections } from "./connections.js";
import { checkComing, type Door } from "./door.js";
import type { Guard } from "./guard.js";
import type { Logger } from "./logger.js";
import { problemHeaders, publicError } from "./problem.js";
import { target } from "./request-target.js";
import type { RouteTable } from "./route-table.js";

const maximumMessageBytes = 1_048_576;
const goingAway = 1001;

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
      accept(context, door, request)
        .then((serve) => server.handleUpgrade(request, socket, head, serve))
        .catch((error: unknown) =>
          refuse(socket, publicError(error, context.logger, { method: request.method, path: target(request)[0] })),
        );
    },
    close: () => server.close(),
    terminate: () => {
      for (const socket of server.clients) socket.terminate();
    },
  };
}

async function accept(
  { routes, connections, guard }: Context,
  door: Door,
  request: IncomingMessage,
): Promise<(socket: WebSocket) => void> {
  checkComing(door, request);
  const [path, query] = target(request);
  const match = routes.match(request.method ?? "", path);
  await guard.admit(door, request, match);
  const { route, params } = match;
  if (route.kind !== "socket") {
    throw new AlcoveError("InvalidRequest", "This endpoint is no WebSocket.", { field: "upgrade" });
  }
  const serve = route.accept(params, query);
  return (socket) => {
    const { signal, done } = connections.beginSocket();
    void serveSocket(socket, serve, signal).finally(done);
  };
}

async function serveSocket(
  socket: WebSocket,
  serve: (socket: WebSocket, signal: AbortSignal) => Promise<void>,
  daemonSignal: AbortSignal,
): Promise<void> {
  const client = new AbortController();
  const stop = () => socket.close(goingAway, "The daemon is stopping");
  daemonSignal.addEventListener("abort", stop, { once: true });
  socket.on("close", () => client.abort(new Error("The client is gone")));
  // A broken frame or a message that is too large: ws closes the socket with the right code.
  socket.on("error", () => undefined);
  try {
    await serve(socket, client.signal);
  } finally {
    daemonSignal.removeEventListener("abort", stop);
  }
}

function refuse(socket: Duplex, error: AlcoveError): void {
  const body = JSON.stringify(toProblem(error));
  socket.end(
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
