/** What the daemon tells the ingress gateway's process, put into effect. */
import type { Socket } from "node:net";
import type { LifeToWorker } from "../../worker-process/life-messages.js";
import type { FromIngress, ToIngress } from "../messages.js";
import { Connections } from "./connections.js";
import { Daemon } from "./daemon.js";
import { Lines } from "./lines.js";
import { Routes } from "./routes.js";
import { listenForVisitors } from "./server.js";
import { type TcpListener, TcpListeners } from "./tcp-listeners.js";
import { TcpVisits } from "./tcp-visits.js";

export class IngressWork {
  readonly lines: Lines;
  readonly #connections: Connections;
  readonly #visits: TcpVisits;
  readonly #listeners: TcpListeners;
  readonly #routes = new Routes();
  readonly #daemon: Daemon;
  readonly #send: (message: FromIngress) => void;

  constructor(send: (message: FromIngress) => void) {
    this.#send = send;
    this.#daemon = new Daemon(send);
    this.lines = new Lines(this.#daemon);
    this.#connections = new Connections(this.lines);
    this.#visits = new TcpVisits(this.#routes, this.lines);
    this.#listeners = new TcpListeners(this.#visits, (tried) => send({ kind: "tried", ...tried }));
  }

  take(message: Exclude<ToIngress, LifeToWorker>, socket: Socket | undefined): void {
    if (message.kind === "reached") this.#daemon.reached(message, socket);
    else if (message.kind === "decided") this.#daemon.decided(message);
    else if (message.kind === "signIn") this.#daemon.signIn(message);
    else if (message.kind === "apply") this.#apply(message.sandboxId, message.route, message.listeners);
    else if (message.kind === "remove") this.#apply(message.sandboxId, undefined);
    else void this.#listen(message);
  }

  #apply(sandboxId: string, route: Parameters<Routes["put"]>[1], listeners: readonly TcpListener[] = []): void {
    for (const port of this.#routes.put(sandboxId, route)) {
      this.#connections.closePort({ sandboxId, port });
      this.#visits.closePort(sandboxId, port);
      this.lines.closePort(sandboxId, port);
    }
    this.#listeners.put(sandboxId, listeners);
  }

  async #listen({ kind: _, ...options }: Extract<ToIngress, { kind: "listen" }>): Promise<void> {
    try {
      const port = await listenForVisitors({
        ...options,
        routes: this.#routes,
        lines: this.lines,
        connections: this.#connections,
        daemon: this.#daemon,
      });
      this.#send({ kind: "listening", port });
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException;
      this.#send({ kind: "deaf", reason: message.slice(0, 1_000), isTaken: code === "EADDRINUSE" });
    }
  }
}
