import { streamEvents } from "@alcove/contract";
import type { EventControl } from "../../control/control.js";
import { jsonLines } from "../json-lines.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";

export function eventRoutes(routes: RouteTable, events: EventControl): void {
  route(routes, streamEvents, ({ params, query, signal }) =>
    jsonLines(events.follow(params.group, query.after, signal)),
  );
}
