import {
  createGroup,
  deleteGroup,
  getGroup,
  listGroups,
  setGroupQuota,
  setSnapshotRetention,
  updateGroup,
} from "@alcove/contract";
import type { Caller } from "../../control/access/access-control.js";
import type { GroupControl } from "../../control/groups/group-control.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";
import { selected } from "../selector.js";

export function groupRoutes(routes: RouteTable, groups: GroupControl): void {
  route(routes, createGroup, ({ body }) => groups.create(body));
  route(routes, listGroups, async ({ query: { tags, ...page }, caller }) => [
    ...(await groups.list({ ...page, ...seenBy(caller), tags: selected(tags) })),
  ]);
  route(routes, getGroup, ({ params }) => groups.get(params.group));
  route(routes, updateGroup, ({ params, body }) => groups.update(params.group, body));
  route(routes, setGroupQuota, ({ params, body }) => groups.setQuota(params.group, body));
  route(routes, setSnapshotRetention, ({ params, body }) => groups.setSnapshotRetention(params.group, body));
  // Carried to its end whether the client waits or not.
  route(routes, deleteGroup, ({ params, query, daemonSignal }) =>
    groups.delete(params.group, { force: query.force ?? false }, daemonSignal),
  );
}

function seenBy({ isAdmin, roles }: Caller): { names?: string[] } {
  return isAdmin ? {} : { names: [...roles.keys()] };
}
