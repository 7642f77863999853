/** Listeners on this host for ports of sandboxes that speak TCP: those that the daemon said last, each tried until it listens. */
import { createServer, type Server } from "node:net";
import type { TcpVisits } from "./tcp-visits.js";

/** Where a sandbox's port is listened for. */
export interface TcpListener {
  readonly port: number;
  readonly host: string;
  readonly hostPort: number;
}

export interface Tried {
  readonly sandboxId: string;
  readonly hostPort: number;
  /** Why it does not listen. */
  readonly reason?: string | undefined;
}

type Report = (tried: Tried) => void;

const againMs = 2_000;
const keepAliveMs = 60_000;

export class TcpListeners {
  readonly #visits: TcpVisits;
  readonly #report: Report;
  readonly #bySandbox = new Map<string, readonly Listening[]>();

  constructor(visits: TcpVisits, report: Report) {
    this.#visits = visits;
    this.#report = report;
  }

  put(sandboxId: string, listeners: readonly TcpListener[]): void {
    const before = this.#bySandbox.get(sandboxId) ?? [];
    const kept = before.filter((one) => listeners.some((listener) => one.is(listener)));
    for (const one of before) if (!kept.includes(one)) one.close();
    const added = listeners
      .filter((listener) => !kept.some((one) => one.is(listener)))
      .map((listener) => new Listening({ sandboxId, listener, visits: this.#visits, report: this.#report }));
    if (kept.length + added.length === 0) this.#bySandbox.delete(sandboxId);
    else this.#bySandbox.set(sandboxId, [...kept, ...added]);
  }
}

interface ListeningOptions {
  readonly sandboxId: string;
  readonly listener: TcpListener;
  readonly visits: TcpVisits;
  readonly report: Report;
}

class Listening {
  readonly #options: ListeningOptions;
  #server: Server | undefined;
  #again: NodeJS.Timeout | undefined;
  #reason: string | undefined;

  constructor(options: ListeningOptions) {
    this.#options = options;
    this.#listen();
  }

  is({ port, host, hostPort }: TcpListener): boolean {
    const { listener } = this.#options;
    return listener.port === port && listener.host === host && listener.hostPort === hostPort;
  }

  /** Connections that are there stay: who closes the port ends them. */
  close(): void {
    clearTimeout(this.#again);
    this.#server?.close();
    this.#server = undefined;
  }

  #listen(): void {
    const { sandboxId, listener, visits, report } = this.#options;
    const { host, port, hostPort } = listener;
    const server = createServer({
      ...{ allowHalfOpen: true, pauseOnConnect: true, noDelay: true },
      ...{ keepAlive: true, keepAliveInitialDelay: keepAliveMs },
    });
    this.#server = server;
    server.on("connection", (socket) => void visits.come(socket, { sandboxId, port }));
    server.on("listening", () => {
      this.#reason = undefined;
      report({ sandboxId, hostPort });
    });
    server.on("error", (error) => this.#fail(server, error.message));
    server.listen({ host, port: hostPort });
  }

  #fail(server: Server, message: string): void {
    server.close();
    if (this.#server !== server) return;
    const { sandboxId, listener, report } = this.#options;
    if (message !== this.#reason) report({ sandboxId, hostPort: listener.hostPort, reason: message.slice(0, 1_000) });
    this.#reason = message;
    this.#again = setTimeout(() => this.#listen(), againMs);
  }
}
