import { streamEvents } from "@alcove/contract";
import type { EventControl } from "../../control/system/system-control.js";
import { jsonLines } from "../json-lines.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";
import { selector } from "../selector.js";

export function eventRoutes(routes: RouteTable, events: EventControl): void {
  route(routes, streamEvents, ({ params, query: { after, labels, ...about }, signal }) =>
    jsonLines(events.follow(params.group, after, signal, { ...about, ...selector(labels) })),
  );
}
