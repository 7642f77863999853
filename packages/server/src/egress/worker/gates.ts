/** The gateway's process: a gate for each sandbox, the sessions of their channels, and the messages of the daemon that are about them. */
import type { Socket } from "node:net";
import { ChannelLost, ProtocolBreak } from "../../guest/fault.js";
import { greetStream } from "../../guest/hello.js";
import { withDeadline } from "../../lib/deadline.js";
import { TokenBucket } from "../../lib/token-bucket.js";
import { busiest } from "../../worker-process/memory-watch.js";
import { createLookup } from "../flow/lookup.js";
import { handleCall } from "../gate/calls.js";
import { ChannelServer } from "../gate/channel-server.js";
import { SandboxGate } from "../gate/sandbox-gate.js";
import type { TlsCertificate } from "../http/flow.js";
import type { FromWorker, ToWorker } from "../messages.js";
import { CertificateCache } from "./certificate-cache.js";
import { DaemonLink } from "./daemon-link.js";
import { DecisionOutbox } from "./decision-outbox.js";
import { TrafficOutbox } from "./traffic-outbox.js";

const helloTimeoutMs = 2_000;
/** Of one sandbox, whatever it asks for: each takes the daemon a signature. */
const certificateBounds = { capacity: 100, perMinute: 600 };
const tooManyCertificates = "the sandbox had too many certificates made of late, for names and addresses that were new";

interface ChannelSession {
  readonly sandboxId: string;
  end(fault: Error): void;
}

export class Gates {
  readonly #send: (message: FromWorker) => void;
  readonly #daemon: DaemonLink;
  readonly #certificates = new CertificateCache();
  readonly #lookup = createLookup();
  readonly #outbox: DecisionOutbox;
  readonly #traffic: TrafficOutbox;
  readonly #gates = new Map<string, SandboxGate>();
  readonly #sessions = new Map<number, ChannelSession>();

  constructor(send: (message: FromWorker) => void) {
    this.#send = send;
    this.#daemon = new DaemonLink(send);
    this.#outbox = new DecisionOutbox(({ sandboxId, decisions, omitted }) =>
      send({ kind: "decided", sandboxId, decisions: [...decisions], omitted }),
    );
    this.#traffic = new TrafficOutbox((traffic) => send({ kind: "traffic", traffic }));
  }

  take(message: Exclude<ToWorker, { kind: "begin" | "ping" }>, socket: Socket | undefined): void {
    if (message.kind === "apply") this.#apply(message);
    else if (message.kind === "remove") this.#remove(message.sandboxId);
    else if (message.kind === "serve") this.#serve(message, socket);
    else if (message.kind === "end") this.#sessions.get(message.session)?.end(new ChannelLost("the daemon ended it"));
    else if (message.kind === "recorded") this.#daemon.answered(message.request, message.isDone);
    else if (message.kind === "token") this.#daemon.answered(message.request, message);
    else this.#daemon.answered(message.request, message.issued);
  }

  /** How many sandboxes it has a gate for. */
  get count(): number {
    return this.#gates.size;
  }

  /** Ends the session that has the most connections, for the others' sake: no fault of its own is known. */
  endBusiest(reason: string): void {
    const connectionsOf = ({ sandboxId }: ChannelSession) => this.#gates.get(sandboxId)?.connections ?? 0;
    busiest(this.#sessions.values(), connectionsOf)?.end(new ChannelLost(reason));
  }

  #apply({ request, sandboxId, settings }: Extract<ToWorker, { kind: "apply" }>): void {
    try {
      this.#gateOf(sandboxId).apply(settings);
      this.#send({ kind: "applied", request });
    } catch (error) {
      this.#send({ kind: "applied", request, fault: String(error).slice(0, 1_000) });
    }
  }

  #remove(sandboxId: string): void {
    this.#endSessions(sandboxId, "the sandbox is gone");
    const group = this.#gates.get(sandboxId)?.group;
    this.#gates.delete(sandboxId);
    if (group === undefined || [...this.#gates.values()].some((gate) => gate.group === group)) return;
    this.#certificates.forget(group);
  }

  #serve({ session, sandboxId, generation }: Extract<ToWorker, { kind: "serve" }>, socket: Socket | undefined): void {
    if (socket === undefined) {
      this.#over(session, new ChannelLost("its socket did not arrive"));
      return;
    }
    this.#endSessions(sandboxId, "another session took its place");
    const hello = new AbortController();
    socket.on("error", () => {});
    this.#sessions.set(session, { sandboxId, end: (fault) => hello.abort(fault) });
    void this.#serveSocket(session, { sandboxId, generation, socket }, hello.signal).then((fault) =>
      this.#over(session, fault),
    );
  }

  /** Answers with what ended it. */
  async #serveSocket(
    session: number,
    { sandboxId, generation, socket }: { sandboxId: string; generation: number; socket: Socket },
    signal: AbortSignal,
  ): Promise<Error> {
    try {
      using deadline = withDeadline(signal, helloTimeoutMs);
      await greetStream(socket, generation, deadline.signal);
      const gate = this.#gateOf(sandboxId);
      const server = new ChannelServer(socket, (stream, headers) => handleCall(gate, stream, headers));
      this.#sessions.set(session, { sandboxId, end: (fault) => server.end(fault) });
      return await server.ended;
    } catch (error) {
      socket.destroy();
      return error instanceof Error ? error : new ChannelLost(String(error));
    }
  }

  #over(session: number, fault: Error): void {
    const sandboxId = this.#sessions.get(session)?.sandboxId;
    this.#sessions.delete(session);
    if (sandboxId !== undefined) this.#dropUnsettled(sandboxId);
    const isBreak = fault instanceof ProtocolBreak;
    this.#send({ kind: "over", session, isBreak, reason: fault.message.slice(0, 1_000) });
  }

  /** Machines that wait for a sandbox have a session under an id that never gets settings. */
  #dropUnsettled(sandboxId: string): void {
    const isServed = [...this.#sessions.values()].some((session) => session.sandboxId === sandboxId);
    if (!isServed && this.#gates.get(sandboxId)?.hasSettings === false) this.#gates.delete(sandboxId);
  }

  #endSessions(sandboxId: string, reason: string): void {
    for (const session of this.#sessions.values()) {
      if (session.sandboxId === sandboxId) session.end(new ChannelLost(reason));
    }
  }

  #gateOf(sandboxId: string): SandboxGate {
    const known = this.#gates.get(sandboxId);
    if (known !== undefined) return known;
    const issuing = new TokenBucket({ ...certificateBounds, now: performance.now() });
    const gate = new SandboxGate({
      lookup: this.#lookup,
      sandboxId,
      record: async (entry) => {
        const isDone = await this.#daemon.ask((request) => ({ kind: "record", request, sandboxId, entry }));
        if (isDone !== true) throw new Error("the name could not be put on record");
      },
      certificate: async (group, host) =>
        await this.#certificates.get(group, host, () => {
          if (issuing.take(performance.now()) > 0) throw new Error(tooManyCertificates);
          return this.#issue(sandboxId, host);
        }),
      token: (resource) => this.#daemon.ask((request) => ({ kind: "token", request, sandboxId, resource })),
      decided: (decision) => this.#outbox.add(sandboxId, decision),
      traffic: () => this.#traffic.of(sandboxId),
    });
    this.#gates.set(sandboxId, gate);
    return gate;
  }

  async #issue(sandboxId: string, host: string): Promise<TlsCertificate> {
    const issued = await this.#daemon.ask<TlsCertificate | undefined>((request) => ({
      ...{ kind: "issue", request, sandboxId, host },
    }));
    if (issued === undefined) throw new Error(`the daemon has no certificate for ${host}`);
    return issued;
  }
}
