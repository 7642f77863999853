import { listAudit, listGroupAudit } from "@alcove/contract";
import type { AuditControl } from "../../control/access/access-control.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";

export function auditRoutes(routes: RouteTable, audit: AuditControl): void {
  route(routes, listAudit, async ({ query }) => [...(await audit.list(query))]);
  route(routes, listGroupAudit, async ({ params, query }) => [...(await audit.listOfGroup(params.group, query))]);
}
