/** Connections of visitors to ports that speak TCP: let in by their address and by how many there are, and led to the program as they flow. */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { parseAddress } from "@alcove/contract";
import { PeerShares } from "../../lib/peer-shares.js";
import { decideAddress } from "../../policy/ports/ip-access.js";
import type { Lines } from "./lines.js";
import type { OpenPort, Routes } from "./routes.js";

/** Of all sandboxes, of one's ports together, and of one address at one port. */
const most = { inAll: 4_096, ofSandbox: 512, ofPeer: 256 };
/** A sandbox that sleeps is woken in that time. */
const connectMs = 150_000;

type Place = Pick<OpenPort, "sandboxId" | "port">;

interface Visited {
  readonly sockets: Set<Socket>;
  readonly shares: PeerShares;
}

export class TcpVisits {
  readonly #routes: Pick<Routes, "find">;
  readonly #lines: Pick<Lines, "connect" | "visit">;
  readonly #bySandbox = new Map<string, Map<number, Visited>>();
  #count = 0;

  constructor(routes: Pick<Routes, "find">, lines: Pick<Lines, "connect" | "visit">) {
    this.#routes = routes;
    this.#lines = lines;
  }

  /** Fulfils when it is over. Who may not come, or finds nobody, is reset: there is no other word in TCP. */
  async come(socket: Socket, place: Place): Promise<void> {
    socket.on("error", () => {});
    const leave = this.#isWelcome(socket, place) ? this.#enter(socket, place) : undefined;
    if (leave === undefined) return void socket.resetAndDestroy();
    const endVisit = this.#lines.visit(place.sandboxId);
    try {
      const program = await this.#lines.connect(place.sandboxId, place.port, AbortSignal.timeout(connectMs));
      await carried(socket, program);
    } catch {
      socket.resetAndDestroy();
    } finally {
      leave();
      endVisit();
    }
  }

  /** Whoever is there, or waits to be, is reset. */
  closePort(sandboxId: string, port: number): void {
    for (const socket of this.#bySandbox.get(sandboxId)?.get(port)?.sockets ?? []) socket.resetAndDestroy();
  }

  #isWelcome({ remoteAddress }: Socket, { sandboxId, port }: Place): boolean {
    const address = parseAddress(remoteAddress ?? "");
    const found = this.#routes.find(sandboxId, port);
    if (address === undefined || found?.protocol !== "Tcp") return false;
    return decideAddress(found.ipAccessControl, address).action === "Allow";
  }

  #enter(socket: Socket, { sandboxId, port }: Place): (() => void) | undefined {
    const ports = this.#bySandbox.get(sandboxId) ?? new Map<number, Visited>();
    const visited = ports.get(port) ?? { sockets: new Set(), shares: new PeerShares(most.ofPeer) };
    const ofSandbox = [...ports.values()].reduce((sum, { sockets }) => sum + sockets.size, 0);
    if (this.#count >= most.inAll || ofSandbox >= most.ofSandbox) return undefined;
    const giveBack = visited.shares.take(socket.remoteAddress ?? "");
    if (giveBack === undefined) return undefined;
    this.#count++;
    visited.sockets.add(socket);
    this.#bySandbox.set(sandboxId, ports.set(port, visited));
    return () => {
      this.#count--;
      giveBack();
      visited.sockets.delete(socket);
      if (visited.sockets.size === 0) ports.delete(port);
      if (ports.size === 0) this.#bySandbox.delete(sandboxId);
    };
  }
}

/** An end in either direction is passed on as such; what breaks off on one side is reset on the other. Fulfils when both are closed. */
function carried(socket: Socket, program: Duplex): Promise<void> {
  const both = Promise.all([closed(socket), closed(program)]);
  socket.once("close", () => {
    if (!isWhole(socket)) program.destroy(new Error("the visitor's connection broke off"));
  });
  program.on("error", () => {});
  program.once("close", () => {
    if (!isWhole(program)) socket.resetAndDestroy();
  });
  if (socket.destroyed) program.destroy(new Error("the visitor is gone"));
  if (program.destroyed) socket.resetAndDestroy();
  socket.pipe(program).pipe(socket);
  return both.then(() => {});
}

function isWhole({ readableEnded, writableFinished }: Duplex): boolean {
  return readableEnded && writableFinished;
}

function closed(stream: Duplex): Promise<void> {
  if (stream.closed) return Promise.resolve();
  return new Promise((resolve) => stream.once("close", () => resolve()));
}
