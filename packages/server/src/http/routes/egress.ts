import {
  deleteEgressPolicy,
  getEgressDecisions,
  getEgressPolicy,
  getGroupEgress,
  listEgressPolicies,
  putEgressPolicy,
  setEgressPolicy,
  setEgressPolicyId,
  setGroupEgress,
  streamEgressDecisions,
  testEgress,
  testSandboxEgress,
} from "@alcove/contract";
import { ownsGroup } from "../../control/access/access-control.js";
import type { EgressControl } from "../../control/egress/egress-control.js";
import { jsonLines } from "../json-lines.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";

export function egressRoutes(routes: RouteTable, egress: EgressControl): void {
  route(routes, setEgressPolicy, ({ params, body, caller }) =>
    egress.setPolicy(params, body, { ownsGroup: ownsGroup(caller, params.group) }),
  );
  route(routes, setEgressPolicyId, ({ params, body }) => egress.setPolicyId(params, body.egressPolicyId));
  route(routes, getEgressDecisions, ({ params }) => egress.decisions(params));
  route(routes, streamEgressDecisions, async ({ params, signal }) =>
    jsonLines(await egress.followDecisions(params, signal)),
  );
  route(routes, testSandboxEgress, ({ params, body }) => egress.testSandbox(params, body));
  route(routes, testEgress, ({ params, body }) => egress.test(params.group, body));
  route(routes, listEgressPolicies, async ({ params }) => [...(await egress.policies.list(params.group))]);
  route(routes, getEgressPolicy, ({ params }) => egress.policies.get(params));
  route(routes, putEgressPolicy, ({ params, body }) => egress.policies.put(params, body));
  route(routes, deleteEgressPolicy, ({ params }) => egress.policies.delete(params));
  route(routes, getGroupEgress, ({ params }) => egress.settings(params.group));
  route(routes, setGroupEgress, ({ params, body }) => egress.setSettings(params.group, body));
}
