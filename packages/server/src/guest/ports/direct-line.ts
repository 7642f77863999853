/** Where no relay stands between the daemon and the agents, as with the fake engine: lines for ports end in the daemon itself. */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DaemonLine } from "../relay/daemon-line.js";
import { SocketPairs } from "../relay/socket-pairs.js";
import type { AgentSession } from "../session.js";

export async function openDirectLine(agent: AgentSession): Promise<Socket> {
  const pairs = new SocketPairs(join(tmpdir(), `alcove-line-${randomBytes(8).toString("hex")}`));
  try {
    const { near, far } = await pairs.make();
    const line = new DaemonLine(near, agent, "port");
    void agent.ended.then((fault) => line.end(fault));
    return far;
  } finally {
    await pairs.close();
  }
}
