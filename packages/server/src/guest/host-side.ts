/** Who answers the calls that an agent makes, in place of the daemon: the egress gateway. */
import type { Duplex } from "node:stream";
import type { Session } from "./link.js";

/**
 * Serves the agent's calls on a stream of the host direction that was just connected, and of which nothing was read or written: the
 * hello is still to be said. The stream is the callee's from now on, to close it too.
 */
export type ServeHost = (stream: Duplex, greeting: { readonly generation: number }) => Session;
