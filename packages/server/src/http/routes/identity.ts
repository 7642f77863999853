import {
  getGroupIdentity,
  getKeySet,
  getOpenidConfiguration,
  issueGroupToken,
  rotateIssuerKeys,
  setGroupIdentity,
} from "@alcove/contract";
import type { IdentityControl } from "../../control/identity/identity-control.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";

/** Seconds. A new key is asked for by whoever sees its id first. */
const cacheable = { "cache-control": "public, max-age=300" };

export function identityRoutes(routes: RouteTable, identity: IdentityControl): void {
  route(routes, getGroupIdentity, ({ params }) => identity.get(params.group));
  route(routes, setGroupIdentity, ({ params, body }) => identity.set(params.group, body));
  route(routes, issueGroupToken, ({ params, body }) => identity.token(params.group, body.resource));
  route(routes, rotateIssuerKeys, () => identity.rotate());
  route(routes, getOpenidConfiguration, () => identity.discovery(), cacheable);
  route(routes, getKeySet, () => identity.keySet(), cacheable);
}
