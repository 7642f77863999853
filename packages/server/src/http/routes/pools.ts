import { deletePool, getPool, listPools, putPool } from "@alcove/contract";
import type { PoolControl } from "../../control/pools/pool-control.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";

export function poolRoutes(routes: RouteTable, pools: PoolControl): void {
  route(routes, listPools, async ({ params }) => [...(await pools.list(params.group))]);
  route(routes, getPool, ({ params }) => pools.get(params.group, params.name));
  route(routes, putPool, ({ params, body }) => pools.put(params.group, params.name, body));
  route(routes, deletePool, ({ params }) => pools.delete(params.group, params.name));
}
