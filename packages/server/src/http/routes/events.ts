import { Readable } from "node:stream";
import { type AlcoveEvent, streamEvents } from "@alcove/contract";
import type { EventControl } from "../../control/control.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";

const keepAlive = { everyMs: 15_000, text: "\n" };

export function eventRoutes(routes: RouteTable, events: EventControl): void {
  route(routes, streamEvents, ({ params, query, signal }) => ({
    content: Readable.from(lines(events.follow(params.group, query.after, signal)), { highWaterMark: 16 }),
    type: "application/x-ndjson",
    keepAlive,
  }));
}

async function* lines(events: AsyncIterable<AlcoveEvent>): AsyncGenerator<string> {
  for await (const event of events) yield `${JSON.stringify(event)}\n`;
}
