import { deleteTemplate, listTemplates, pruneTemplates, rebuildTemplate } from "@alcove/contract";
import type { TemplateControl } from "../../control/templates/template-control.js";
import { route, slowRoute } from "../route.js";
import type { RouteTable } from "../route-table.js";

export function templateRoutes(routes: RouteTable, templates: TemplateControl): void {
  route(routes, listTemplates, async ({ signal }) => [...(await templates.list(signal))]);
  route(routes, pruneTemplates, ({ body, daemonSignal }) =>
    templates.prune({ dryRun: body.dryRun ?? false }, daemonSignal),
  );
  // What is begun is carried to its end whether its client waits or not.
  slowRoute(routes, rebuildTemplate, ({ params, daemonSignal }) => templates.rebuild(params.key, daemonSignal));
  route(routes, deleteTemplate, ({ params, daemonSignal }) => templates.delete(params.key, daemonSignal));
}
