/** Routes by which connections leave, as options of the command line say them: `corp=http://proxy:3128`. */
import { nameOfSecret, type UpstreamRoute } from "@alcove/contract";
import { InvalidArgumentError } from "commander";
import { UsageError } from "../exit-codes.js";
import { secretRef } from "../secrets/secret-ref.js";

type Routes = Readonly<Record<string, UpstreamRoute>>;

/** `NAME=direct`, `NAME=interface:eth1` or `NAME=http://HOST:PORT`, also https and socks5. */
export function routesOf(text: string, before: Routes = {}): Routes {
  const [, name, way] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || way === undefined) throw new InvalidArgumentError(expected);
  return { ...before, [name]: routeOf(way) };
}

const expected = "It must be NAME=direct, NAME=interface:eth1 or NAME=http://HOST:PORT, also with https and socks5.";

function routeOf(way: string): UpstreamRoute {
  if (way === "direct") return { type: "Direct" };
  const [, name] = /^interface:(.+)$/.exec(way) ?? [];
  if (name !== undefined) return { type: "Interface", name };
  if (/^(?:https?|socks5):\/\//.test(way)) return { type: "Proxy", url: way };
  throw new InvalidArgumentError(expected);
}

/** The same routes, with credentials of proxies: by name of the route, `SECRET` or `SECRET/KEY`. */
export function withCredentials(routes: Routes, credentials: Readonly<Record<string, string>>): Routes {
  const changed = Object.entries(credentials).map(([name, secret]) => {
    const route = requireProxy(routes, name);
    const credentials = secretRef(secret);
    if (credentials === undefined)
      throw new UsageError(
        `The credentials of ${name} are named as SECRET or SECRET/KEY.`,
        "--route-credentials corp=login/ann",
      );
    return [name, { ...route, credentials }] as const;
  });
  return { ...routes, ...Object.fromEntries(changed) };
}

/** The same routes, with PEM certificates of authorities that https proxies have theirs from: by name of the route. */
export function withCertificates(routes: Routes, certificates: Readonly<Record<string, string>>): Routes {
  const changed = Object.entries(certificates).map(
    ([name, pem]) => [name, { ...requireProxy(routes, name), certificates: pem }] as const,
  );
  return { ...routes, ...Object.fromEntries(changed) };
}

function requireProxy(routes: Routes, name: string): Extract<UpstreamRoute, { type: "Proxy" }> {
  const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
  if (route?.type === "Proxy") return route;
  throw new UsageError(`The route ${name} is no proxy of the group.`, "Define it with --route first.");
}

/** A line each, for people. */
export function routeLines(routes: Routes, defaultRoute: string | undefined): string[] {
  const named = Object.entries(routes).map(([name, route]) => `${name} leaves ${wayOf(route)}`);
  return defaultRoute === undefined ? named : [...named, `${defaultRoute} is the route of what no rule says otherwise`];
}

function wayOf(route: UpstreamRoute): string {
  if (route.type === "Direct") return "directly";
  if (route.type === "Interface") return `from the interface ${route.name}`;
  return `by the proxy ${route.url}${route.credentials === undefined ? "" : `, with the secret ${nameOfSecret(route.credentials)}`}`;
}
