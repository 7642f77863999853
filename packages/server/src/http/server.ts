/** The HTTP face of the daemon: every endpoint of the contract, on a UNIX socket that only its owner can open, and on TCP. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Control } from "../control/control.js";
import { shareConnections } from "../lib/share-connections.js";
import type { Tracer } from "../lib/tracing.js";
import { answer } from "./answer.js";
import { answerClientError } from "./client-error.js";
import { createConnections } from "./connections.js";
import { type Door, socketDoor, type TcpDoorOptions, tcpDoor } from "./door.js";
import { createGuard } from "./guard.js";
import type { Logger } from "./logger.js";
import { createRouteTable, type RouteTable } from "./route-table.js";
import { auditRoutes } from "./routes/audit.js";
import { egressRoutes } from "./routes/egress.js";
import { eventRoutes } from "./routes/events.js";
import { execRoutes } from "./routes/execs.js";
import { fileRoutes } from "./routes/files.js";
import { groupRoutes } from "./routes/groups.js";
import { identityRoutes } from "./routes/identity.js";
import { imageRoutes } from "./routes/images.js";
import { keyRoutes } from "./routes/keys.js";
import { logRoutes } from "./routes/logs.js";
import { metricsRoute } from "./routes/metrics.js";
import { poolRoutes } from "./routes/pools.js";
import { portRoutes } from "./routes/ports.js";
import { roleAssignmentRoutes } from "./routes/role-assignments.js";
import { sandboxRoutes } from "./routes/sandboxes.js";
import { secretRoutes } from "./routes/secrets.js";
import { snapshotRoutes } from "./routes/snapshots.js";
import { systemRoutes } from "./routes/system.js";
import { templateRoutes } from "./routes/templates.js";
import { terminalRoutes } from "./routes/terminals.js";
import { usageRoutes } from "./routes/usage.js";
import { volumeRoutes } from "./routes/volumes.js";
import { listenOnTcp, type TcpAddress } from "./tcp-listener.js";
import { listenOnSocket } from "./unix-socket.js";
import { createUpgrades } from "./upgrade.js";

export interface HttpServer {
  /** Listens on a UNIX socket with mode 0600. A socket file that nobody listens behind is replaced. */
  listen(options: { readonly socketPath: string }): Promise<void>;
  /** Listens on TCP too, where every request needs a token. */
  listenOnTcp(options: TcpOptions): Promise<TcpAddress>;
  /** Takes no more requests, ends streams, and lets what is under way finish within the deadline. */
  close(options?: { readonly deadlineMs?: number }): Promise<void>;
}

export interface TcpOptions extends TcpDoorOptions {
  readonly port: number;
  /** PEM. Without it requests travel in the clear. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

export interface HttpServerOptions {
  readonly control: Control;
  readonly logger: Logger;
  readonly version: string;
  /** Who keeps spans of requests; nobody where it is left out. */
  readonly tracer?: Tracer;
  readonly limits?: Partial<typeof defaultLimits>;
}

/** What a slow or greedy client may take from us. Bodies of bytes may take as long as the guest takes to read them. */
const defaultLimits = {
  headersTimeout: 10_000,
  requestTimeout: 0,
  connectionsCheckingInterval: 5_000,
  keepAliveTimeout: 60_000,
  maxHeaderSize: 16_384,
};
const maximumConnections = { total: 2_048, perPeer: 512 };
const handshakeTimeoutMs = 10_000;
const defaultDeadlineMs = 5_000;

export function createHttpServer({ control, logger, version, tracer, limits }: HttpServerOptions): HttpServer {
  const routes = allRoutes(control, logger, version);
  const context = { routes, logger, connections: createConnections(), guard: createGuard(control, tracer) };
  const upgrades = createUpgrades(context);
  const servers: Server[] = [];
  const settings = { ...defaultLimits, ...limits };
  const open = (door: Door, tls: TcpOptions["tls"]): Server => {
    const onRequest = (request: IncomingMessage, response: ServerResponse) => {
      void answer(context, door, request, response);
    };
    const secured = tls && { cert: tls.certificate, key: tls.key, handshakeTimeout: handshakeTimeoutMs };
    const server = secured
      ? createTlsServer({ ...settings, ...secured }, onRequest)
      : createServer(settings, onRequest);
    shareConnections(server, maximumConnections);
    server.on("clientError", answerClientError);
    server.on("upgrade", (request, socket, head) => upgrades.handle(door, request, socket, head));
    servers.push(server);
    return server;
  };
  return {
    listen: ({ socketPath }) => listenOnSocket(open(socketDoor(control.access.owner), undefined), socketPath),
    listenOnTcp: ({ tls, ...options }) => listenOnTcp(open(tcpDoor(options), tls), options),
    async close({ deadlineMs = defaultDeadlineMs } = {}) {
      const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      upgrades.close();
      await context.connections.finish(deadlineMs);
      upgrades.terminate();
      for (const server of servers) server.closeAllConnections();
      await Promise.all(closed);
    },
  };
}

function allRoutes(control: Control, logger: Logger, version: string): RouteTable {
  const routes = createRouteTable();
  systemRoutes(routes, control.system, version);
  metricsRoute(routes, control.metrics);
  groupRoutes(routes, control.groups);
  usageRoutes(routes, control.usage);
  sandboxRoutes(routes, control.sandboxes);
  snapshotRoutes(routes, control.snapshots);
  execRoutes(routes, control.execs, logger);
  terminalRoutes(routes, control.terminals, logger);
  logRoutes(routes, control.execs);
  portRoutes(routes, control.ports, logger);
  fileRoutes(routes, control.files);
  imageRoutes(routes, control.images);
  egressRoutes(routes, control.egress);
  identityRoutes(routes, control.identity);
  eventRoutes(routes, control.events);
  keyRoutes(routes, control.keys, control.access);
  poolRoutes(routes, control.pools);
  secretRoutes(routes, control.secrets);
  templateRoutes(routes, control.templates);
  volumeRoutes(routes, control.volumes);
  roleAssignmentRoutes(routes, control.roleAssignments);
  auditRoutes(routes, control.audit);
  return routes;
}
