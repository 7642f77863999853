/** What every request of a Node transport goes by: its connections, its key, its path. */
import { Agent, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { openConnection, type Trust } from "./connection-node.js";
import type { DaemonAddress } from "./daemon-address.js";
import type { TransportResponse } from "./transport.js";

/** More at once wait for a connection to become free. */
const maximumConnections = 256;

const defaultConnectTimeoutMs = 10_000;

export interface NodeTransportOptions {
  readonly address: DaemonAddress;
  readonly apiKey?: string | undefined;
  /** Default: what the system trusts. */
  readonly trust?: Trust;
  readonly connectTimeoutMs?: number | undefined;
  readonly answerTimeoutMs?: number | undefined;
}

/** What every request of a transport goes by. */
export interface NodeRoute {
  readonly address: DaemonAddress;
  /** Makes the connections, of TLS too: to `http` they are all alike. */
  readonly agent: Agent;
  /** The key and the host. */
  readonly headers: Readonly<Record<string, string>>;
  readonly answerTimeoutMs: number | undefined;
}

export function routeOf(options: NodeTransportOptions): NodeRoute {
  const { address, apiKey, trust = {}, connectTimeoutMs = defaultConnectTimeoutMs, answerTimeoutMs } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: maximumConnections });
  Object.assign(agent, {
    createConnection(_options: unknown, done: (error: Error | null, socket?: Socket) => void) {
      openConnection({ address, trust, connectTimeoutMs }).then((socket) => done(null, socket), done);
    },
  });
  const host = "socketPath" in address ? "localhost" : new URL(address.origin).host;
  const authorization = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  return { address, agent, headers: { host, ...authorization }, answerTimeoutMs };
}

/** The path on the wire, behind what a proxy asks for. */
export function routedPath({ address }: NodeRoute, path: string): string {
  return "socketPath" in address ? path : address.basePath + path;
}

export function headersOf(incoming: IncomingMessage): TransportResponse["headers"] {
  return incoming.headers as Readonly<Record<string, string | undefined>>;
}
