/** The ways into sandboxes: one session for each that somebody comes to, and connections to its ports on it. */
import type { Duplex } from "node:stream";
import { ChannelLost } from "../../guest/fault.js";
import { connectPort } from "../../guest/ports/connect-port.js";
import { portSession } from "../../guest/ports/ports.js";
import type { AgentSession } from "../../guest/session.js";
import { busiest } from "../../worker-process/memory-watch.js";
import type { Daemon } from "./daemon.js";

interface Way {
  session: Promise<AgentSession> | undefined;
  agent: AgentSession | undefined;
  readonly open: Map<number, Set<Duplex>>;
  /** How many are there now. */
  visits: number;
}

export class Lines {
  readonly #daemon: Daemon;
  readonly #ways = new Map<string, Way>();

  constructor(daemon: Daemon) {
    this.#daemon = daemon;
  }

  /** A connection to the port; a sandbox that sleeps is woken where it is so activated. Errors: Unreachable, AlcoveErrors. */
  async connect(sandboxId: string, port: number, signal: AbortSignal): Promise<Duplex> {
    const way = this.#way(sandboxId);
    const connection = await connectPort(await this.#session(sandboxId, port, way), port, signal);
    const open = way.open.get(port) ?? new Set();
    way.open.set(port, open.add(connection));
    connection.once("close", () => open.delete(connection));
    return connection;
  }

  /** Counts as use of the sandbox until the answer is called. */
  visit(sandboxId: string): () => void {
    const way = this.#way(sandboxId);
    if (++way.visits === 1) this.#daemon.setBusy(sandboxId, true);
    let isThere = true;
    return () => {
      if (!isThere) return;
      isThere = false;
      if (--way.visits === 0) this.#daemon.setBusy(sandboxId, false);
      this.#forget(sandboxId, way);
    };
  }

  closePort(sandboxId: string, port: number): void {
    const open = this.#ways.get(sandboxId)?.open.get(port) ?? [];
    for (const connection of open) connection.destroy(new Error("the port was closed"));
  }

  /** For the others' sake. */
  endBusiest(reason: string): void {
    busiest(this.#ways.values(), ({ agent }) => agent?.streams ?? 0)?.agent?.end(new ChannelLost(reason));
  }

  #way(sandboxId: string): Way {
    const way = this.#ways.get(sandboxId) ?? { session: undefined, agent: undefined, open: new Map(), visits: 0 };
    this.#ways.set(sandboxId, way);
    return way;
  }

  #session(sandboxId: string, port: number, way: Way): Promise<AgentSession> {
    if (way.agent?.isOver === true) {
      way.agent = undefined;
      way.session = undefined;
    }
    way.session ??= this.#daemon.reach(sandboxId, port).then(
      (line) => {
        const agent = portSession(line.on("error", () => {}));
        way.agent = agent;
        void agent.ended.then(() => {
          if (way.agent !== agent) return;
          way.agent = undefined;
          way.session = undefined;
          this.#forget(sandboxId, way);
        });
        return agent;
      },
      (error: unknown) => {
        way.session = undefined;
        this.#forget(sandboxId, way);
        throw error;
      },
    );
    return way.session;
  }

  #forget(sandboxId: string, way: Way): void {
    if (way.visits === 0 && way.session === undefined) this.#ways.delete(sandboxId);
  }
}
