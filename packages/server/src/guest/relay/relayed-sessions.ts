/** The relay's process: a session with each agent, and the daemon's line to it. */
import type { Socket } from "node:net";
import { withDeadline } from "../../lib/deadline.js";
import { untilAborted } from "../../lib/until-aborted.js";
import { withResolvers } from "../../lib/with-resolvers.js";
import type { LifeToWorker } from "../../worker-process/life-messages.js";
import { busiest } from "../../worker-process/memory-watch.js";
import { ChannelLost, ProtocolBreak } from "../fault.js";
import { greetStream } from "../hello.js";
import { AgentSession, maxStreams } from "../session.js";
import { DaemonLine } from "./daemon-line.js";
import type { FromRelay, ToRelay } from "./messages.js";

/** Streams that the daemon has closed may be open here for a moment longer. */
const streams = maxStreams * 2;

interface RelayedSession {
  /** The daemon's line to it comes by itself. */
  readonly giveLine: (line: Socket) => void;
  readonly stop: AbortController;
  agent?: AgentSession;
}

type Serve = Extract<ToRelay, { kind: "serve" }>;

export class RelayedSessions {
  readonly #send: (message: FromRelay) => void;
  readonly #sessions = new Map<number, RelayedSession>();

  constructor(send: (message: FromRelay) => void) {
    this.#send = send;
  }

  take(message: Exclude<ToRelay, LifeToWorker>, socket: Socket | undefined): void {
    if (message.kind === "serve") void this.#serve(message, socket);
    else if (message.kind === "end")
      this.#sessions.get(message.session)?.stop.abort(new ChannelLost("the daemon ended it"));
    else this.#takeLine(message, socket);
  }

  /** Ends the session that has the most calls under way, for the others' sake: no fault of its own is known. */
  endBusiest(reason: string): void {
    busiest(this.#sessions.values(), ({ agent }) => agent?.streams ?? 0)?.stop.abort(new ChannelLost(reason));
  }

  #takeLine({ session, of }: Extract<ToRelay, { kind: "line" }>, line: Socket | undefined): void {
    const relayed = this.#sessions.get(session);
    if (line === undefined || relayed === undefined) line?.destroy();
    else if (of === "call") relayed.giveLine(line);
    else if (relayed.agent === undefined || relayed.agent.isOver) line.destroy();
    else beginPortLine(line, relayed.agent);
  }

  async #serve({ session, generation, answerTimeoutMs }: Serve, socket: Socket | undefined): Promise<void> {
    const { promise: line, resolve: giveLine } = withResolvers<Socket>();
    const relayed: RelayedSession = { giveLine, stop: new AbortController() };
    this.#sessions.set(session, relayed);
    const fault = await this.#relay(relayed, { socket, line, generation, answerTimeoutMs }, () =>
      this.#send({ kind: "greeted", session }),
    ).catch((error: unknown) => {
      // Nobody has taken it, and nobody would see its end.
      void line.then((late) => late.destroy());
      return error;
    });
    this.#sessions.delete(session);
    socket?.destroy();
    const isBreak = fault instanceof ProtocolBreak;
    const reason = fault instanceof Error ? fault.message : String(fault);
    this.#send({ kind: "over", session, isBreak, reason: reason.slice(0, 1_000) });
  }

  /** Answers with what ended it. */
  async #relay(
    relayed: RelayedSession,
    ends: { socket: Socket | undefined; line: Promise<Socket>; generation: number; answerTimeoutMs: number },
    onGreeted: () => void,
  ): Promise<Error> {
    const { socket, generation, answerTimeoutMs } = ends;
    if (socket === undefined) throw new ChannelLost("its socket did not arrive");
    socket.on("error", () => {});
    const { signal } = relayed.stop;
    using deadline = withDeadline(signal, answerTimeoutMs);
    await greetStream(socket, generation, deadline.signal);
    const agent = new AgentSession(socket, { streams });
    relayed.agent = agent;
    signal.addEventListener("abort", () => agent.end(signal.reason), { once: true });
    onGreeted();
    try {
      const line = new DaemonLine(await untilAborted(ends.line, deadline.signal), agent, "call");
      void line.ended.then(() => agent.end(new ChannelLost("the daemon ended it")));
      const fault = await agent.ended;
      line.end(fault);
      return fault;
    } finally {
      agent.end(new ChannelLost("the relay ended it"));
    }
  }
}

/** Ends with the session, or with whoever has its other end. */
function beginPortLine(socket: Socket, agent: AgentSession): void {
  const line = new DaemonLine(
    socket.on("error", () => {}),
    agent,
    "port",
  );
  void agent.ended.then((fault) => line.end(fault));
}
