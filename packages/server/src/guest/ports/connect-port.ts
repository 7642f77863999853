/** Connects to what listens on a port of the guest. */
import type { Duplex } from "node:stream";
import { withDeadline } from "../../lib/deadline.js";
import { headOf } from "../answer.js";
import { refuse } from "../call.js";
import { callerError, ProtocolBreak } from "../fault.js";
import type { AgentSession } from "../session.js";
import { PortStream } from "./port-stream.js";

/** The agent tries some addresses, 3 s each. */
const deadlineMs = 20_000;
export const portErrors = ["PortRefused", "PortTimedOut", "TooManyRequests"] as const;

/** The signal ends the connecting, not the connection. Errors: PortRefused, PortTimedOut, TooManyRequests, GuestUnresponsive. */
export async function connectPort(session: AgentSession, port: number, signal: AbortSignal): Promise<Duplex> {
  using deadline = withDeadline(signal, deadlineMs);
  try {
    const stream = session.request({ ":method": "POST", ":path": `/ports/${port}/connect` }, true, "port");
    const head = await headOf(session, stream, deadline.signal);
    await refuse(session, stream, head, portErrors, deadline.signal);
    return new PortStream(session, stream);
  } catch (error) {
    if (error instanceof ProtocolBreak) session.end(error);
    if (!deadline.expired) throw callerError(error, signal);
    throw callerError(new Error(`no answer about port ${port} within ${deadlineMs} ms`), signal);
  }
}
