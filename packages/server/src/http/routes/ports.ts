import { addPort, changePort, connectPort, linkPort, listPorts, removePort, replacePorts } from "@alcove/contract";
import type { PortControl } from "../../control/ports/port-control.js";
import type { Logger } from "../logger.js";
import { carryPort } from "../port-socket.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";
import { socketRoute } from "../socket-route.js";

export function portRoutes(routes: RouteTable, ports: PortControl, logger: Logger): void {
  route(routes, listPorts, async ({ params }) => ({ ports: await ports.list(params) }));
  route(routes, addPort, async ({ params, body }) => ({ ports: await ports.add(params, body) }));
  route(routes, removePort, async ({ params, body }) => ({ ports: await ports.remove(params, body) }));
  route(routes, replacePorts, async ({ params, body }) => ({ ports: await ports.replace(params, body.ports) }));
  route(routes, changePort, async ({ params, body }) => ({ ports: await ports.change(params, body) }));
  route(routes, linkPort, ({ params, body }) => ports.link(params, body));
  socketRoute(routes, connectPort, logger, async ({ params: { port, ...sandbox }, messages, signal }) => {
    await carryPort(await ports.connect(sandbox, port, signal), messages, signal);
  });
}
