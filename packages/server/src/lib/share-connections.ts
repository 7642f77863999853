/** Connections for everybody. */
import type { Server as HttpServer } from "node:http";
import { isIP } from "node:net";
import { networkOf } from "./network-of.js";

/**
 * One address gets a part of the connections; all that come from this host, or from a proxy that is trusted, which speak for many, get them all.
 * Where none is left, those that do nothing are closed for whoever comes next.
 */
export function shareConnections(
  server: HttpServer,
  limits: { readonly total: number; readonly perPeer: number },
  isProxy: (address: string) => boolean = () => false,
): void {
  const open = new Map<string, number>();
  server.maxConnections = limits.total;
  server.on("drop", () => server.closeIdleConnections());
  server.on("connection", (socket) => {
    const { remoteAddress = "" } = socket;
    const peer = networkOf(remoteAddress);
    if (isIP(remoteAddress) === 0 || isLoopback(peer) || isProxy(remoteAddress)) return;
    const count = open.get(peer) ?? 0;
    if (count >= limits.perPeer) return void socket.destroy();
    open.set(peer, count + 1);
    socket.once("close", () => {
      const left = (open.get(peer) ?? 1) - 1;
      if (left === 0) open.delete(peer);
      else open.set(peer, left);
    });
  });
}

function isLoopback(peer: string): boolean {
  return peer.startsWith("127.") || peer === "0:0:0:0";
}
