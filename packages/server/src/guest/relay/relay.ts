/** Who speaks with the agents in the daemon's place: what an agent says is taken apart there, and only what was asked for comes on. */

import type { OpenStream } from "../guest.js";
import type { Hello } from "../hello.js";
import type { AgentSession } from "../session.js";

export interface GuestRelay {
  /** Opens the agent's stream, hands it over unread, and answers when the agent has said hello. */
  openSession(open: OpenStream, hello: Hello, signal: AbortSignal): Promise<AgentSession>;
  /** How often its process was started anew. */
  readonly restarts: number;
  close(): Promise<void>;
}
