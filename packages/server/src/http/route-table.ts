/** Which handler answers which path and method. Matching is hono's trie router; everything else stays on Node's own request and response. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { AlcoveError, type Endpoint } from "@alcove/contract";
import { TrieRouter } from "hono/router/trie-router";
import type { WebSocket } from "ws";
import type { Caller } from "../control/access/access-control.js";

/** One request on its way through the server. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Undefined: nobody in particular, where anyone may call. */
  readonly caller: Caller | undefined;
  /** Aborts when the client is gone or the daemon's patience at its end is over. */
  readonly signal: AbortSignal;
  /** Aborts only with the daemon: for work that goes on without its client. */
  readonly daemonSignal: AbortSignal;
}

interface Called {
  readonly endpoint: Pick<Endpoint, "id" | "method" | "path" | "access" | "isAudited">;
}

export interface HttpRoute extends Called {
  readonly kind: "http";
  readonly handle: (exchange: Exchange, response: ServerResponse) => Promise<void>;
}

export interface SocketRoute extends Called {
  readonly kind: "socket";
  /** Checks params and query before the upgrade; what it answers serves the socket after it. */
  readonly accept: (
    params: Exchange["params"],
    query: URLSearchParams,
  ) => (socket: WebSocket, signal: AbortSignal) => Promise<void>;
}

export type Route = HttpRoute | SocketRoute;

export interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

export interface RouteTable {
  add(method: string, path: string, route: Route): void;
  /** RouteNotFound or MethodNotAllowed where there is none. HEAD is answered by the route of GET. */
  match(method: string, path: string): Match;
  /** The methods of a path: for the header Allow. */
  methods(path: string): readonly string[];
}

export function createRouteTable(): RouteTable {
  const byPath = new Map<string, Map<string, Route>>();
  const router = new TrieRouter<Map<string, Route>>();
  const find = (path: string) => {
    // The first path registered wins: /count stands before /:id.
    const [found] = router.match("ALL", path)[0] as [Map<string, Route>, Record<string, string>][];
    if (found === undefined) throw new AlcoveError("RouteNotFound", `There is no endpoint ${shortened(path)}.`);
    return { methods: found[0], params: found[1] };
  };
  return {
    add(method, path, route) {
      let methods = byPath.get(path);
      if (methods === undefined) {
        methods = new Map();
        byPath.set(path, methods);
        router.add("ALL", path, methods);
      }
      methods.set(method, route);
    },
    match(method, path) {
      const { methods, params } = find(path);
      const route = methods.get(method === "HEAD" ? "GET" : method);
      if (route === undefined) throw methodNotAllowed(method, path, allowed(methods));
      return { route, params: decoded(params) };
    },
    methods: (path) => allowed(find(path).methods),
  };
}

function allowed(methods: ReadonlyMap<string, Route>): string[] {
  return [...methods.keys(), ...(methods.has("GET") ? ["HEAD"] : []), "OPTIONS"];
}

function methodNotAllowed(method: string, path: string, methods: readonly string[]): AlcoveError {
  return new AlcoveError("MethodNotAllowed", `${shortened(path)} does not take ${method}.`, {
    value: method,
    hint: `Use one of ${methods.join(", ")}.`,
  });
}

function decoded(params: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([name, text]) => {
      try {
        return [name, decodeURIComponent(text)];
      } catch {
        const detail = `${name} is not valid percent-encoding.`;
        throw new AlcoveError("InvalidRequest", detail, { field: name, value: shortened(text) });
      }
    }),
  );
}

function shortened(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
