import {
  backUpServer,
  getDoctor,
  getHealth,
  getSizes,
  getStorage,
  getVersion,
  openApi,
  pruneSystem,
} from "@alcove/contract";
import type { SystemControl } from "../../control/system/system-control.js";
import { route, sendJson } from "../route.js";
import type { RouteTable } from "../route-table.js";

export function systemRoutes(routes: RouteTable, system: SystemControl, version: string): void {
  route(routes, getHealth, ({ caller }) => system.health(caller));
  route(routes, getVersion, ({ callerIfKnown }) => system.version(callerIfKnown));
  route(routes, getSizes, () => system.sizes());
  route(routes, getStorage, ({ signal }) => system.storage(signal));
  // What is begun is carried to its end whether its client waits or not.
  route(routes, pruneSystem, ({ body, daemonSignal }) => system.prune(body, daemonSignal));
  route(routes, getDoctor, ({ signal }) => system.doctor(signal));
  route(routes, backUpServer, async () => {
    const { sizeBytes: length, content } = await system.backup();
    return { content, length, type: "application/x-tar" };
  });
  let description: ReturnType<typeof openApi> | undefined;
  routes.add("GET", "/openapi.json", {
    kind: "http",
    endpoint: { id: "openApi", method: "GET", path: "/openapi.json", access: "caller" },
    handle: async (_exchange, response) => {
      description ??= openApi(version);
      sendJson(response, 200, description);
    },
  });
}
