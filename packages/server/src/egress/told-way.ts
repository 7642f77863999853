import type { EgressDecision } from "@alcove/contract";
import type { Way } from "./gateway.js";

/** What a decision says of how something leaves: nothing that is in the route's settings, which may name hosts of its owner. */
export function toldWay(way: Way | undefined): Pick<EgressDecision, "route" | "routeType"> {
  if (way === undefined) return {};
  const { name, route } = way;
  return { ...(name !== undefined && { route: name }), ...(route !== undefined && { routeType: route.type }) };
}
