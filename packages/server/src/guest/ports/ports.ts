/** The ports of a guest: connections of the daemon's own, and lines for a process that makes connections itself. */
import type { Socket } from "node:net";
import type { AgentLink } from "../call.js";
import { ChannelLost, callerError } from "../fault.js";
import type { GuestPorts } from "../guest.js";
import { AgentSession } from "../session.js";
import { connectPort } from "./connect-port.js";

/** What may be on its way to each reader: there are many, and slow ones among them. */
const windowBytes = 128 * 1024;

/** A session on a line that was opened for ports: for nothing but connectPort. */
export function portSession(line: Socket): AgentSession {
  // One that was accepted unread does not begin to read by itself.
  return new AgentSession(line.resume(), { windowBytes });
}

export function portCalls(link: AgentLink): GuestPorts & { close(): void } {
  let own: Promise<AgentSession> | undefined;
  const openLine = async (signal: AbortSignal) => {
    try {
      const session = await link.session(signal);
      return await session.openPortLine();
    } catch (error) {
      throw callerError(error, signal);
    }
  };
  const open = async (signal: AbortSignal) => {
    const session = portSession(await openLine(signal));
    void session.ended.then(() => {
      own = undefined;
    });
    return session;
  };
  return {
    openLine,
    async connect(port, signal) {
      own ??= open(signal).catch((error) => {
        own = undefined;
        throw error;
      });
      return await connectPort(await own, port, signal);
    },
    close: () => void own?.then((session) => session.end(new ChannelLost("the connection was closed"))).catch(() => {}),
  };
}
