/** Connects to a server, by the route that the policy says. */
import { isDeepStrictEqual } from "node:util";
import type { CompiledEgress } from "../../policy/egress/compile.js";
import { mayLeadTo } from "../../policy/egress/transport.js";
import type { UpstreamRoute } from "../gateway.js";
import { DialFailure } from "../http/dial-failure.js";
import { dialFromHere } from "./dial-from-here.js";
import type { Dialled } from "./dialling.js";
import { isForbiddenAddress } from "./forbidden-addresses.js";
import { dialByProxy } from "./proxy/dial-by-proxy.js";
import type { Resolution } from "./resolution.js";

export interface DialContext {
  readonly resolution: Resolution;
  readonly overrides: Readonly<Record<string, string>>;
  /** The policy of this instant. */
  readonly compiled: () => CompiledEgress;
  /** Of this instant; the group's default where no name is said. Undefined: there is none of this name. */
  readonly routeOf: (name: string | undefined) => UpstreamRoute | undefined;
}

export interface RouteTarget {
  readonly host: string;
  readonly port: number;
  /** By name; left out: the group's default. */
  readonly route?: string | undefined;
}

/** @throws DialFailure */
export async function dial(context: DialContext, target: RouteTarget, signal: AbortSignal): Promise<Dialled> {
  const { compiled, routeOf } = context;
  const route = routeOf(target.route);
  if (route === undefined) throw new DialFailure("no-route", noRoute(target.route));
  const mayReach = (address: string) =>
    mayLeadTo(compiled(), address, { port: target.port, isRefused: isForbiddenAddress });
  const dialling = { ...context, ...target, mayReach };
  const dialled =
    route.type === "Proxy"
      ? await dialByProxy(dialling, route, signal)
      : await dialFromHere(dialling, route.type === "Interface" ? route.name : undefined, signal);
  // The settings may be others since.
  if (isDeepStrictEqual(routeOf(target.route), route)) return dialled;
  dialled.socket.destroy();
  throw new DialFailure("no-route", "the group's routes were changed meanwhile");
}

function noRoute(name: string | undefined): string {
  if (name === undefined) return "the group's default route is not there, or its credentials are not";
  return `the group has no route "${name}", or not its credentials`;
}
