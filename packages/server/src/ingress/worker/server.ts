/** The listener for visitors: who comes is looked at, let in or not, and led to the program. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { type AddressRange, formatAddress, parseAddress, readRange } from "@alcove/contract";
import { shareConnections } from "../../lib/share-connections.js";
import { decideAddress } from "../../policy/ports/ip-access.js";
import { isTrusted } from "../../policy/ports/visitor.js";
import { isSignInHost } from "../sign-in-address.js";
import { type Admission, type Admitted, admit, type Coming } from "./admission.js";
import type { Connections } from "./connections.js";
import { preflightAnswer } from "./cors.js";
import type { Daemon } from "./daemon.js";
import { type Forwarding, forwardRequest, forwardUpgrade, hasBody } from "./forward.js";
import { Http2Visits } from "./http2-visits.js";
import type { Lines } from "./lines.js";
import { pageOf, type Trouble } from "./page.js";
import { placeOf } from "./place.js";
import { hidesItsEnds } from "./request-headers.js";
import type { Routes } from "./routes.js";
import { isOwn, type Reply, SigningIn } from "./signing-in.js";
import { notFromThere, nothingHere, notKnown, troubleOf, wrongRequest } from "./troubles.js";
import { answerOfHttp1, requestOfHttp1, type VisitAnswer, type VisitRequest } from "./visit-request.js";
import { type Visitor, visitorOf } from "./visitor.js";

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  /** Whose names for people count; left out: nobody signs in. */
  readonly realm?: string | undefined;
  readonly trustedProxies: readonly string[];
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  readonly routes: Routes;
  readonly lines: Pick<Lines, "visit">;
  readonly connections: Connections;
  readonly daemon: Daemon;
  readonly patienceMs?: number;
}

const limits = {
  headersTimeout: 20_000,
  requestTimeout: 0,
  keepAliveTimeout: 30_000,
  maxHeaderSize: 65_536,
};
const mostConnections = { total: 4_096, perPeer: 512 };
const usualPatienceMs = 300_000;

/** Answers the port that it got. */
export async function listenForVisitors(options: ListenOptions): Promise<number> {
  const visits = new Visits(options);
  const { tls } = options;
  const server: Server = tls ? tlsServer(tls, visits) : createServer(limits);
  shareConnections(server, mostConnections, (address) => visits.isProxy(address));
  server.on("request", (request, response) => void visits.answer(requestOfHttp1(request), answerOfHttp1(response)));
  server.on("upgrade", (request, socket, head) => void visits.upgrade(requestOfHttp1(request), { socket, head }));
  server.on("connect", (_request, socket) => socket.destroy());
  server.listen({ host: options.host, port: options.port });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** HTTP/2 for who offers it, HTTP/1.1 for all others. */
function tlsServer(tls: NonNullable<ListenOptions["tls"]>, visits: Visits): Server {
  const protocols = { ALPNProtocols: ["h2", "http/1.1"], handshakeTimeout: limits.headersTimeout };
  const server = createTlsServer({ ...limits, ...protocols, cert: tls.certificate, key: tls.key });
  const http2 = new Http2Visits((request, answer) => void visits.answer(request, answer));
  const takeHttp1 = server.listeners("secureConnection");
  server.removeAllListeners("secureConnection").on("secureConnection", (socket: TLSSocket) => {
    if (socket.alpnProtocol === "h2") http2.take(socket);
    else for (const take of takeHttp1) take.call(server, socket);
  });
  return server.on("drop", () => http2.closeIdle());
}

interface Visit {
  readonly coming: Coming;
  readonly admitted: Admitted;
  /** Ends it, wherever it is. */
  readonly cut: () => void;
}

type Seen =
  | { readonly coming: Coming }
  | { readonly trouble: Trouble }
  | { readonly isFromProvider: true; readonly visitor: Visitor };

class Visits {
  readonly #options: ListenOptions;
  readonly #trusted: readonly AddressRange[];
  readonly #signingIn: SigningIn;

  constructor(options: ListenOptions) {
    this.#options = options;
    this.#signingIn = new SigningIn(options.realm, options.daemon);
    this.#trusted = options.trustedProxies.map(readRange).filter((range) => !("message" in range)) as AddressRange[];
  }

  isProxy(address: string): boolean {
    const peer = parseAddress(address);
    return peer !== undefined && isTrusted(peer, this.#trusted);
  }

  async answer(request: VisitRequest, answer: VisitAnswer): Promise<void> {
    const send = ({ status, headers, body }: Reply) => {
      if (answer.hasBegun) return answer.breakOff();
      answer.begin(status, listed({ ...headers, connection: "close" }));
      answer.body.end(request.method === "HEAD" ? undefined : body);
      answer.takeNoMore();
    };
    const refuse = (trouble: Trouble) => send(pageOf(trouble, request));
    answer.body.on("error", () => {});
    const seen = this.#look(request);
    if ("trouble" in seen) return refuse(seen.trouble);
    if ("isFromProvider" in seen) return send(await this.#signingIn.callback(request, seen.visitor));
    const { coming } = seen;
    if (isOwn(coming.place)) return send(await this.#signingIn.answer(coming));
    const preflight = preflightAnswer(coming.port.cors, request);
    if (preflight !== undefined) {
      answer.begin(204, preflight);
      return void answer.body.end();
    }
    try {
      const admission = await admit(coming, this.#options.daemon, this.#options.realm);
      if (admission.kind === "refused") return refuse(admission.trouble);
      if (admission.kind === "signIn")
        return send(await this.#signingIn.begin(coming, { target: admission.target, isAsked: false }));
      if (admission.kind === "exchange") {
        answer.begin(303, exchangeHeaders(admission));
        return void answer.body.end();
      }
      const visit = { coming, admitted: admission, cut: () => answer.breakOff() };
      await this.#visit(visit, (forwarding) => forwardRequest(forwarding, answer));
    } catch (error) {
      refuse(troubleOf(error, coming.place.port));
    }
  }

  /** Never a redirect: a WebSocket cannot follow one. */
  async upgrade(request: VisitRequest, upgraded: { socket: Duplex; head: Buffer }): Promise<void> {
    const { socket } = upgraded;
    socket.on("error", () => socket.destroy());
    const refuse = (trouble: Trouble) => {
      const { status, headers, body } = pageOf(trouble, request);
      const lines = Object.entries({ ...headers, connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.end(`HTTP/1.1 ${status} ${trouble.title}\r\n${lines.join("")}\r\n${body}`);
    };
    const seen = this.#look(request);
    if ("trouble" in seen) return refuse(seen.trouble);
    if ("isFromProvider" in seen || isOwn(seen.coming.place)) return refuse(nothingHere);
    if (request.headers.upgrade?.toLowerCase() !== "websocket")
      return refuse(wrongRequest("Connections become WebSockets here, and nothing else."));
    if (hasBody(request)) return refuse(wrongRequest("A request for a WebSocket has no body."));
    try {
      const admission = await admit(seen.coming, this.#options.daemon, this.#options.realm);
      if (admission.kind !== "in") return refuse(admission.kind === "refused" ? admission.trouble : notKnown);
      const visit = { coming: seen.coming, admitted: admission, cut: () => socket.destroy() };
      await this.#visit(visit, (forwarding) => forwardUpgrade(forwarding, upgraded));
    } catch (error) {
      refuse(troubleOf(error, seen.coming.place.port));
    }
  }

  #look(request: VisitRequest): Seen {
    const visitor = visitorOf(request, this.#trusted);
    if (visitor === undefined)
      return { trouble: wrongRequest("It does not say which host it is for, or says it twice.") };
    if (hidesItsEnds(request.rawHeaders))
      return {
        trouble: wrongRequest("Its Connection header names Content-Length or Host, which are not the connection's."),
      };
    if (isSignInHost(visitor.host, this.#options.domain)) return { isFromProvider: true, visitor };
    const place = placeOf(visitor.host, request.url, this.#options.domain);
    const port = place && this.#options.routes.find(place.sandboxId, place.port);
    if (place === undefined || port === undefined || port.protocol === "Tcp") return { trouble: nothingHere };
    if (decideAddress(port.ipAccessControl, visitor.address).action === "Deny")
      return { trouble: notFromThere(formatAddress(visitor.address)) };
    return { coming: { request, visitor, place, port } };
  }

  /** Only who is let in keeps the sandbox awake; what lets somebody in for a while ends what came by it. */
  async #visit({ coming, admitted, cut }: Visit, forward: (forwarding: Forwarding) => Promise<void>): Promise<void> {
    const leave = this.#options.lines.visit(coming.place.sandboxId);
    const connections = this.#options.connections.to(coming.place);
    const letGo = this.#whileHeld(coming, admitted, cut);
    try {
      const patienceMs = this.#options.patienceMs ?? usualPatienceMs;
      await forward({ ...coming, admitted, connections, patienceMs });
    } finally {
      letGo();
      leave();
    }
  }

  /** Of a link until that ends, or the sandbox's links do; of who has signed in until that ends. */
  #whileHeld({ place }: Coming, { until, person }: Admitted, cut: () => void): () => void {
    const timer = until === undefined ? undefined : setTimeout(cut, until - Date.now());
    const isLinked = until !== undefined && person === undefined;
    const leave = isLinked ? this.#options.routes.whileLinked(place.sandboxId, cut) : undefined;
    return () => {
      clearTimeout(timer);
      leave?.();
    };
  }
}

/** Name, value, name, value. */
function listed(headers: Reply["headers"]): string[] {
  return Object.entries(headers).flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one]));
}

function exchangeHeaders({ location, cookie }: Extract<Admission, { kind: "exchange" }>): string[] {
  const notKept = ["cache-control", "no-store", "referrer-policy", "no-referrer"];
  return ["location", location, "set-cookie", cookie, ...notKept];
}
