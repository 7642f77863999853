import {
  createGroupKey,
  createKey,
  listGroupKeys,
  listKeys,
  revokeGroupKey,
  revokeKey,
  whoAmI,
} from "@alcove/contract";
import type { AccessControl, KeyControl } from "../../control/access/access-control.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";

export function keyRoutes(routes: RouteTable, keys: KeyControl, access: AccessControl): void {
  route(routes, whoAmI, ({ caller }) => access.whoAmI(caller));
  route(routes, createKey, ({ body, caller }) => keys.create(body, caller));
  route(routes, listKeys, async ({ query }) => [...(await keys.list(query))]);
  route(routes, revokeKey, ({ params }) => keys.revoke(params.keyId));
  route(routes, createGroupKey, ({ params, body, caller }) => keys.createForGroup(params.group, body, caller));
  route(routes, listGroupKeys, async ({ params, query }) => [...(await keys.listOfGroup(params.group, query))]);
  route(routes, revokeGroupKey, ({ params }) => keys.revokeOfGroup(params.group, params.keyId));
}
