/** The connections to servers of one connection of a program: kept for its next requests, shared with nobody else's. */
import { DialFailure } from "./dial-failure.js";
import type { HttpFlow } from "./flow.js";
import { Http1Connections } from "./http1-upstream.js";
import { Http2Connection } from "./http2-upstream.js";
import type { Upstream } from "./upstream.js";

export interface Destination {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
}

export interface UpstreamsOptions extends Pick<HttpFlow, "dial" | "mayReach" | "scheme"> {
  /** The program speaks HTTP/2: where the server does too, it is spoken with it. */
  readonly prefersHttp2: boolean;
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
    const { scheme, host, port } = destination;
    const key = `${scheme} ${port} ${host}`;
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
  #speaksHttp1: boolean;
  #trial: Promise<Upstream> | undefined;

  constructor(destination: Destination, options: UpstreamsOptions) {
    this.#destination = destination;
    this.#options = options;
    const isKnown = destination.scheme === options.scheme || destination.scheme === "https";
    this.#speaksHttp1 = !options.prefersHttp2 || !isKnown;
    this.#http1 = new Http1Connections(() => this.#dial(["http/1.1"]));
  }

  async open(): Promise<Upstream> {
    if (this.#speaksHttp1) return this.#http1.ready();
    if (this.#http2?.isOpen === true) return this.#http2;
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
    return this.#trial !== undefined || this.#http1.hasConnections || this.#http2?.isOver === false;
  }

  retire(): void {
    this.#http1.retire();
    this.#http2?.retire();
  }

  close(): void {
    this.#http1.close();
    this.#http2?.close();
  }

  /** In plain HTTP nothing says what the server speaks: what the program began with, it began with because it knows. */
  async #try(): Promise<Upstream> {
    const socket = await this.#dial(["h2", "http/1.1"]);
    const isHttp2 = this.#destination.scheme === "http" || protocolOf(socket) === "h2";
    if (isHttp2) {
      this.#http2 = new Http2Connection(socket);
      return this.#http2;
    }
    this.#speaksHttp1 = true;
    this.#http1.take(socket);
    return this.#http1;
  }

  async #dial(protocols: readonly ("h2" | "http/1.1")[]): ReturnType<HttpFlow["dial"]> {
    const { scheme, host, port } = this.#destination;
    const { dial, mayReach, signal } = this.#options;
    const socket = await dial({ host, port, tls: scheme === "https", protocols }, signal);
    socket.on("error", () => {});
    if (signal.aborted) socket.destroy();
    signal.throwIfAborted();
    const { remoteAddress: address } = socket;
    if (address === undefined || mayReach(address, port)) return socket;
    // It was dialled under a policy that let it be.
    socket.destroy();
    throw new DialFailure("forbidden-address", `${host} leads to ${address}, which nothing is sent to any more`);
  }
}

function protocolOf(socket: object): unknown {
  return "alpnProtocol" in socket ? socket.alpnProtocol : undefined;
}
