/** Routes of a group: which are asked for and not there, and which are in use. */
import { AlcoveError, type EgressPolicy, type GroupEgress, type UpstreamRoute } from "@alcove/contract";
import type { Store } from "../../store/store.js";
import { requireUnused } from "../in-use.js";
import { requireSecret } from "../secrets/policy-secrets.js";
import { checkedCertificates } from "./upstream-certificates.js";

type Routes = Readonly<Record<string, UpstreamRoute>>;

/** Refused where a rule names a route that the group has not, by its field behind `within`. */
export function requireRoutes(
  { egressPolicies }: Store,
  { group, policy, within }: { readonly group: string; readonly policy: EgressPolicy; readonly within: string },
): void {
  const named = (policy.rules ?? []).flatMap(({ route }, at) => (route === undefined ? [] : [{ route, at }]));
  if (named.length === 0) return;
  const { routes } = egressPolicies.settingsOf(group);
  const missing = named.find(({ route }) => !Object.hasOwn(routes, route));
  if (missing === undefined) return;
  throw routeNotFound(group, missing.route, `${within}rules[${missing.at}].route`);
}

/** The routes that take the place of those that a group has. @throws AlcoveError where they cannot */
export function checkedRoutes(store: Store, group: string, { routes = {}, defaultRoute }: GroupEgress): Routes {
  if (defaultRoute !== undefined && !Object.hasOwn(routes, defaultRoute))
    throw routeNotFound(group, defaultRoute, "defaultRoute");
  for (const name of Object.keys(store.egressPolicies.settingsOf(group).routes)) {
    if (!Object.hasOwn(routes, name)) requireRouteUnused(store, group, name);
  }
  const checked = Object.entries(routes).map(([name, route]) => [name, checkedRoute(store, { group, name, route })]);
  return Object.fromEntries(checked);
}

interface OfGroup {
  readonly group: string;
  readonly name: string;
  readonly route: UpstreamRoute;
}

function checkedRoute(store: Store, { group, name, route }: OfGroup): UpstreamRoute {
  if (route.type !== "Proxy") return route;
  const { certificates, credentials } = route;
  if (credentials !== undefined) requireSecret(store, group, credentials, `routes.${name}.credentials`);
  if (certificates === undefined) return route;
  return { ...route, certificates: checkedCertificates(certificates, `routes.${name}.certificates`) };
}

function requireRouteUnused({ egressPolicies, groups }: Store, group: string, route: string): void {
  const isNamedBy = (policy: EgressPolicy | undefined) => policy?.rules?.some((rule) => rule.route === route) ?? false;
  const users = [
    ...(isNamedBy(groups.find(group)?.defaults.egressPolicy) ? ["the group's defaults"] : []),
    ...egressPolicies.ofGroup(group).flatMap(({ name, policy }) => (isNamedBy(policy) ? [`the policy ${name}`] : [])),
    ...egressPolicies.sandboxesByRoute(group, route).map((id) => `the sandbox ${id}`),
    ...egressPolicies.snapshotsByRoute(group, route).map((id) => `the snapshot ${id}`),
  ];
  requireUnused(users, {
    code: "EgressRouteInUse",
    called: `the upstream route ${route}`,
    field: "routes",
    value: route,
  });
}

function routeNotFound(group: string, name: string, field: string): AlcoveError {
  return new AlcoveError("EgressRouteNotFound", `There is no upstream route ${name} in the group ${group}.`, {
    field,
    value: name,
  });
}
