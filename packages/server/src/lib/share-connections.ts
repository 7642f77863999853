/** Connections for everybody. */
import type { Server as HttpServer } from "node:http";
import { PeerShares } from "./peer-shares.js";

/**
 * One address gets a part of the connections; all that come from this host, or from a proxy that is trusted, which speak for many, get them all.
 * Where none is left, those that do nothing are closed for whoever comes next.
 */
export function shareConnections(
  server: HttpServer,
  limits: { readonly total: number; readonly perPeer: number },
  isProxy?: (address: string) => boolean,
): void {
  const shares = new PeerShares(limits.perPeer, isProxy);
  server.maxConnections = limits.total;
  server.on("drop", () => server.closeIdleConnections());
  server.on("connection", (socket) => {
    const leave = shares.take(socket.remoteAddress ?? "");
    if (leave === undefined) socket.destroy();
    else socket.once("close", leave);
  });
}
