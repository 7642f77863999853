/** A port of this machine that leads to one of a sandbox: a connection of its own for each that comes. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import type { PortConnection } from "alcove";
import { asDuplex } from "alcove/node";
import { explained } from "../failure.js";

export interface ForwarderOptions {
  /** An address of this machine. */
  readonly address: string;
  /** 0: any that is free. */
  readonly localPort: number;
  /** Of the sandbox, for hints. */
  readonly remotePort: number;
  /** Aborting gives the connection up. */
  readonly connect: (signal: AbortSignal) => Promise<PortConnection>;
  /** Of one connection, which is over then; the others go on. */
  readonly onFailure: (failure: unknown) => void;
}

export interface Forwarder {
  readonly address: string;
  readonly port: number;
  /** Breaks off what is open. */
  close(): void;
}

/** Fulfils when it listens. */
export async function openForwarder(options: ForwarderOptions): Promise<Forwarder> {
  const { address, connect, onFailure } = options;
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    carry(socket, connect).catch(onFailure);
  });
  await listening(server, options);
  const { port } = server.address() as AddressInfo;
  return {
    address,
    port,
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Fulfils when both directions have ended, or this machine's side is gone; rejects when the sandbox's side failed. */
async function carry(socket: Socket, connect: ForwarderOptions["connect"]): Promise<void> {
  let over: "here" | "there" | undefined;
  const connecting = new AbortController();
  const giveUp = () => connecting.abort();
  for (const event of ["error", "close"]) socket.once(event, () => (over ??= "here"));
  socket.once("close", giveUp);
  try {
    const remote = asDuplex(await connect(connecting.signal));
    // What is on its way to the program may outlast the socket.
    socket.off("close", giveUp);
    remote.once("error", () => {
      over ??= "there";
      // Before the pipelines do: a plain end would be taken for the program's own.
      socket.resetAndDestroy();
    });
    await Promise.all([pipeline(socket, remote), pipeline(remote, socket)]);
  } catch (error) {
    socket.resetAndDestroy();
    if (over !== "here") throw error;
  }
}

async function listening(server: Server, { address, localPort, remotePort }: ForwarderOptions): Promise<void> {
  try {
    server.listen(localPort, address);
    await once(server, "listening");
  } catch (failure) {
    const { code } = failure as NodeJS.ErrnoException;
    throw explained(
      `${address}:${localPort} cannot be listened on: ${sentences[code ?? ""] ?? code}.`,
      hint(code, remotePort),
    );
  }
}

const sentences: Readonly<Record<string, string>> = {
  EADDRINUSE: "something else listens there",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "there is no such name",
  EACCES: "ports below 1024 are root's",
};

function hint(code: string | undefined, remotePort: number): string {
  const isOfPort = code === "EADDRINUSE" || code === "EACCES";
  const other = `, or another port before the sandbox's: 0:${remotePort} takes any`;
  return `Choose another address with --address${isOfPort ? other : ""}.`;
}
