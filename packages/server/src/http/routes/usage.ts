import { getGroupUsage, listUsageRecords } from "@alcove/contract";
import type { UsageControl } from "../../control/groups/group-control.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";

export function usageRoutes(routes: RouteTable, usage: UsageControl): void {
  route(routes, getGroupUsage, ({ params }) => usage.get(params.group));
  route(routes, listUsageRecords, ({ params, query }) => usage.records(params.group, query));
}
