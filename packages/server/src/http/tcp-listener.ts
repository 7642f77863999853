/** Listening on TCP, with connections for everybody. */
import { once } from "node:events";
import type { Server as HttpServer } from "node:http";
import { type AddressInfo, isIP, type Server } from "node:net";
import { networkOf } from "./network-of.js";

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** The address that it got: with the port that the system chose where 0 was asked for. */
export async function listenOnTcp(server: Server, { host, port }: TcpAddress): Promise<TcpAddress> {
  server.listen({ host, port });
  await once(server, "listening");
  return { host, port: (server.address() as AddressInfo).port };
}

/**
 * One address gets a part of the connections; all that come from this host, where a proxy may speak for many, get them all.
 * Where none is left, those that do nothing are closed for whoever comes next.
 */
export function shareConnections(
  server: HttpServer,
  limits: { readonly total: number; readonly perPeer: number },
): void {
  const open = new Map<string, number>();
  server.maxConnections = limits.total;
  server.on("drop", () => server.closeIdleConnections());
  server.on("connection", (socket) => {
    const peer = networkOf(socket.remoteAddress);
    if (isIP(socket.remoteAddress ?? "") === 0 || isLoopback(peer)) return;
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
