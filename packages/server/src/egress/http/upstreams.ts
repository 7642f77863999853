/** The connections to servers of one connection of a program: kept for its next requests, shared with nobody else's. */
import { DialFailure } from "./dial-failure.js";
import type { HttpFlow } from "./flow.js";
import { Http1Connections } from "./http1-upstream.js";
import { Http2Connection } from "./http2-upstream.js";
import { serverAddressOf } from "./server-address.js";
import type { Upstream } from "./upstream.js";
import type { WindowBudget } from "./window-budget.js";

export interface Destination {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  /** One of the group's, by name; left out: its default. */
  readonly route?: string | undefined;
}

export interface UpstreamsOptions extends Pick<HttpFlow, "dial" | "mayReach" | "scheme"> {
  /** Where the program speaks HTTP/2, the windows of its sandbox: where the server speaks it too, it is spoken with it. */
  readonly http2Windows: WindowBudget | undefined;
  /** Aborts when the program's connection is over. */
  readonly signal: AbortSignal;
}

export class Upstreams {
  readonly #options: UpstreamsOptions;
  readonly #servers = new Map<string, Server>();
  #retired: readonly Server[] = [];

  constructor(options: UpstreamsOptions) {
    this.#options = options;
  }

  /** @throws DialFailure */
  async open(destination: Destination): Promise<Upstream> {
    const { scheme, host, port, route = "" } = destination;
    const key = `${scheme} ${port} ${host} ${route}`;
    const known = this.#servers.get(key);
    if (known !== undefined) return known.open();
    const server = new Server(destination, this.#options);
    this.#servers.set(key, server);
    return server.open();
  }

  /** What is under way goes on; whatever comes next is sent on new connections, whose addresses are looked at anew. */
  retire(): void {
    for (const server of this.#servers.values()) server.retire();
    this.#retired = [...this.#retired, ...this.#servers.values()].filter((server) => server.hasConnections);
    this.#servers.clear();
  }

  close(): void {
    for (const server of [...this.#servers.values(), ...this.#retired]) server.close();
    this.#servers.clear();
    this.#retired = [];
  }
}

/** One server. Which HTTP it speaks is known with the first connection, where that is to be found out. */
class Server {
  readonly #destination: Destination;
  readonly #options: UpstreamsOptions;
  readonly #http1: Http1Connections;
  #http2: Http2Connection | undefined;
  /** Those that take no more, and whose requests go on. */
  #full: readonly Http2Connection[] = [];
  #speaksHttp1: boolean;
  #trial: Promise<Upstream> | undefined;

  constructor(destination: Destination, options: UpstreamsOptions) {
    this.#destination = destination;
    this.#options = options;
    const isKnown = destination.scheme === options.scheme || destination.scheme === "https";
    this.#speaksHttp1 = options.http2Windows === undefined || !isKnown;
    this.#http1 = new Http1Connections(() => this.#dial(["http/1.1"]));
  }

  async open(): Promise<Upstream> {
    if (this.#speaksHttp1) return this.#http1.ready();
    if (this.#http2?.isOpen === true && this.#http2.hasRoom) return this.#http2;
    if (this.#trial !== undefined) {
      await this.#trial;
      return this.open();
    }
    this.#trial = this.#try();
    try {
      return await this.#trial;
    } finally {
      this.#trial = undefined;
    }
  }

  get hasConnections(): boolean {
    return this.#trial !== undefined || this.#http1.hasConnections || this.#http2s.some(({ isOver }) => !isOver);
  }

  retire(): void {
    this.#http1.retire();
    for (const each of this.#http2s) each.retire();
  }

  close(): void {
    this.#http1.close();
    for (const each of this.#http2s) each.close();
  }

  get #http2s(): readonly Http2Connection[] {
    return this.#http2 === undefined ? this.#full : [...this.#full, this.#http2];
  }

  /** In plain HTTP nothing says what the server speaks: what the program began with, it began with because it knows. */
  async #try(): Promise<Upstream> {
    const socket = await this.#dial(["h2", "http/1.1"]);
    const { http2Windows } = this.#options;
    const isHttp2 = this.#destination.scheme === "http" || protocolOf(socket) === "h2";
    if (isHttp2 && http2Windows !== undefined) {
      this.#http2?.retire();
      this.#full = this.#http2s.filter(({ isOver }) => !isOver);
      this.#http2 = new Http2Connection(socket, http2Windows);
      return this.#http2;
    }
    this.#speaksHttp1 = true;
    this.#http1.take(socket);
    return this.#http1;
  }

  async #dial(protocols: readonly ("h2" | "http/1.1")[]): ReturnType<HttpFlow["dial"]> {
    const { scheme, host, port, route } = this.#destination;
    const { dial, mayReach, signal } = this.#options;
    const socket = await dial({ host, port, route, tls: scheme === "https", protocols }, signal);
    socket.on("error", () => {});
    if (signal.aborted) socket.destroy();
    signal.throwIfAborted();
    const address = serverAddressOf(socket);
    if (address === undefined || mayReach(address, port)) return socket;
    // It was dialled under a policy that let it be.
    socket.destroy();
    throw new DialFailure("forbidden-address", `${host} leads to ${address}, which nothing is sent to any more`);
  }
}

function protocolOf(socket: object): unknown {
  return "alpnProtocol" in socket ? socket.alpnProtocol : undefined;
}
