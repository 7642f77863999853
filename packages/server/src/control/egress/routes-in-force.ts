/** What the gateway is told of a group's routes: for each sandbox those by which its policy lets something leave. */
import type { AlcoveError, EgressPolicy, UpstreamRoute } from "@alcove/contract";
import type { EgressSettings, UpstreamRoute as RouteInForce } from "../../egress/gateway.js";
import type { EgressSettingsRecord } from "../../store/egress-policies.js";
import type { Store } from "../../store/store.js";
import { readable, secretValue } from "../secrets/secret-values.js";

/** As the gateway takes them: one that is longer would have it refuse all of the settings. */
const longest = { username: 1_024, password: 65_536 };
/** SOCKS 5 says each length in one byte. */
const longestSocksBytes = 255;

interface Needs {
  readonly policy: EgressPolicy;
  /** The group's. */
  readonly settings: Pick<EgressSettingsRecord, "routes" | "defaultRoute">;
  readonly onUnreadable: (error: AlcoveError) => void;
  /** Told why a route is left out: nothing leaves by it then. */
  readonly onUnusable: (route: string, why: string) => void;
}

export function routesInForce(
  store: Store,
  group: string,
  { policy, settings, onUnreadable, onUnusable }: Needs,
): Pick<EgressSettings, "routes" | "defaultRoute"> {
  const { routes, defaultRoute } = settings;
  const named = new Set([defaultRoute, ...(policy.rules ?? []).map(({ route }) => route)]);
  const inForce: Record<string, RouteInForce> = {};
  for (const [name, route] of Object.entries(routes)) {
    if (!named.has(name)) continue;
    const told = inForceOf(route, (ref) => readable(() => secretValue(store, group, ref), onUnreadable));
    if (typeof told === "string") onUnusable(name, told);
    else inForce[name] = told;
  }
  return { routes: inForce, ...(defaultRoute !== undefined && { defaultRoute }) };
}

type Proxy = Extract<UpstreamRoute, { type: "Proxy" }>;
type SecretAt = (ref: NonNullable<Proxy["credentials"]>) => string | undefined;

/** Or why it is none. */
function inForceOf(route: UpstreamRoute, secretAt: SecretAt): RouteInForce | string {
  if (route.type !== "Proxy") return route;
  const { type, url, certificates = "" } = route;
  if (route.credentials === undefined) return { type, url, certificates };
  const value = secretAt(route.credentials);
  if (value === undefined) return "Its credentials are not there, or cannot be read.";
  const [, username, password] = /^([^:]*):(.*)$/s.exec(value) ?? [];
  if (username === undefined || password === undefined) return "Its credentials are not of the form USER:PASSWORD.";
  if (isTooLong({ username, password }, url)) return "Its credentials are longer than its proxy can be told.";
  return { type, url, certificates, credentials: { username, password } };
}

function isTooLong({ username, password }: { readonly username: string; readonly password: string }, url: string) {
  if (username.length > longest.username || password.length > longest.password) return true;
  const isSocks = url.startsWith("socks5:");
  return isSocks && [username, password].some((text) => Buffer.byteLength(text) > longestSocksBytes);
}
