/** Listening on TCP. */
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";

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
