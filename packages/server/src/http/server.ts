/** The HTTP face of the daemon: a UNIX socket that only its owner can open, every endpoint of the contract behind it. */
import { createServer } from "node:http";
import type { Control } from "../control/control.js";
import { answer } from "./answer.js";
import { createConnections } from "./connections.js";
import type { Logger } from "./logger.js";
import { createRouteTable, type RouteTable } from "./route-table.js";
import { eventRoutes } from "./routes/events.js";
import { execRoutes } from "./routes/execs.js";
import { fileRoutes } from "./routes/files.js";
import { groupRoutes } from "./routes/groups.js";
import { imageRoutes } from "./routes/images.js";
import { sandboxRoutes } from "./routes/sandboxes.js";
import { systemRoutes } from "./routes/system.js";
import { listenOnSocket } from "./unix-socket.js";
import { createUpgrades } from "./upgrade.js";

export interface HttpServer {
  /** Listens on a UNIX socket with mode 0600. A socket file that nobody listens behind is replaced. */
  listen(options: { readonly socketPath: string }): Promise<void>;
  /** Takes no more requests, ends streams, and lets what is under way finish within the deadline. */
  close(options?: { readonly deadlineMs?: number }): Promise<void>;
}

export interface HttpServerOptions {
  readonly control: Control;
  readonly logger: Logger;
  readonly version: string;
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
const maximumConnections = 2_048;
const defaultDeadlineMs = 5_000;

export function createHttpServer({ control, logger, version, limits }: HttpServerOptions): HttpServer {
  const routes = allRoutes(control, logger, version);
  const connections = createConnections();
  const server = createServer({ ...defaultLimits, ...limits }, (request, response) => {
    void answer({ routes, logger, connections }, request, response);
  });
  const upgrades = createUpgrades({ routes, logger, connections });
  server.maxConnections = maximumConnections;
  server.on("upgrade", upgrades.handle);
  return {
    listen: ({ socketPath }) => listenOnSocket(server, socketPath),
    async close({ deadlineMs = defaultDeadlineMs } = {}) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      upgrades.close();
      await connections.finish(deadlineMs);
      upgrades.terminate();
      server.closeAllConnections();
      await closed;
    },
  };
}

function allRoutes(control: Control, logger: Logger, version: string): RouteTable {
  const routes = createRouteTable();
  systemRoutes(routes, control.system, version);
  groupRoutes(routes, control.groups);
  sandboxRoutes(routes, control.sandboxes);
  execRoutes(routes, control.execs, logger);
  fileRoutes(routes, control.files);
  imageRoutes(routes, control.images);
  eventRoutes(routes, control.events);
  return routes;
}
