/**
 * Connects to a machine's agent. The two directions of the channel are connected apart: calls can be made as soon as the
 * agent's is there. Each is connected again by itself when its session is lost, until `close`.
 */
import type { AgentLink } from "./call.js";
import { diskCalls } from "./disk.js";
import { Exchange, type OpenExchange } from "./exchange/exchange.js";
import { execCalls } from "./execs.js";
import { callerError } from "./fault.js";
import { fileCalls } from "./files.js";
import type { Guest, OpenStream } from "./guest.js";
import { openSession, type Patience, usualPatience } from "./hello.js";
import { HostSession } from "./host-session.js";
import type { ServeHost } from "./host-side.js";
import { Link, type Session } from "./link.js";
import { machineCalls } from "./machine.js";
import { openDirectLine } from "./ports/direct-line.js";
import { portCalls } from "./ports/ports.js";
import type { GuestRelay } from "./relay/relay.js";
import { AgentSession } from "./session.js";
import { volumeCalls } from "./volumes.js";

export interface ConnectOptions {
  /** Ends the connecting, not the connection. */
  readonly signal: AbortSignal;
  /** The sandbox's generation, as the hello tells it. */
  readonly generation?: number;
  /** How long and how often the agent is asked for an answer to the hello. */
  readonly patience?: Patience;
  /** How to open the file that the guest has as a disk for large contents, where it has one. */
  readonly openExchange?: OpenExchange;
  /** Who answers the agent's own calls; left out, the daemon does: what time it is, and nothing else. */
  readonly serveHost?: ServeHost | undefined;
  /** Who takes apart what the agent answers; left out, this process does. */
  readonly relay?: GuestRelay | undefined;
}

/** Answers when the agent has said hello; GuestUnresponsive when it does not. */
export async function connectGuest(open: OpenStream, options: ConnectOptions): Promise<Guest> {
  const { agent, host, guest } = linkGuest(open, options);
  try {
    await agent.open(options.signal);
  } catch (error) {
    throw callerError(error, options.signal);
  }
  host.openLater();
  return guest;
}

/** Connects again to a machine that is known to run, though its agent may stand still for now: calls wait until it answers. */
export function reconnectGuest(open: OpenStream, options: Omit<ConnectOptions, "signal">): Guest {
  const { agent, host, guest } = linkGuest(open, options);
  agent.openLater();
  host.openLater();
  return guest;
}

function linkGuest(open: OpenStream, options: Omit<ConnectOptions, "signal">) {
  const hello = { generation: options.generation ?? 0, patience: options.patience ?? usualPatience };
  const agent: AgentLink = new Link(async (signal) => {
    const agentHello = { name: "agent", ...hello } as const;
    if (options.relay !== undefined) return await options.relay.openSession(open, agentHello, signal);
    const greeting = await openSession(open, agentHello, signal);
    return new AgentSession(greeting.stream, { openPortLine: openDirectLine });
  });
  const host = new Link<Session>(async (signal) => {
    if (options.serveHost !== undefined) return options.serveHost(await open("host", signal), hello);
    const greeting = await openSession(open, { name: "host", ...hello }, signal);
    return new HostSession(greeting.stream);
  });
  const exchange = options.openExchange === undefined ? undefined : new Exchange(options.openExchange);
  const ports = portCalls(agent);
  const guest: Guest = {
    ...machineCalls(agent),
    execs: execCalls(agent),
    files: fileCalls(agent, exchange),
    disk: diskCalls(agent, exchange),
    volumes: volumeCalls(agent),
    ports,
    async close() {
      ports.close();
      await Promise.all([host.close(), agent.close()]);
      await exchange?.close();
    },
  };
  return { agent, host, guest };
}
