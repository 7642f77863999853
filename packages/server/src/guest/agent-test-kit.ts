/** For tests: the agent's end of a channel over UNIX sockets, to be played truthfully or not. */
import { mkdtemp, rm } from "node:fs/promises";
import http2, { type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenStream } from "./guest.js";
import { helloBytes, helloMagic, readyMagic } from "./hello.js";

export interface PlayedAgent extends AsyncDisposable {
  readonly open: OpenStream;
  /** How often each stream was opened. */
  readonly opened: { agent: number; host: number };
  /** Ends every connection there is. */
  hangUp(): void;
}

export interface Play {
  /** Plays the agent's stream from its first byte on. */
  readonly agent: (socket: net.Socket) => void;
  /** Plays the host's stream; silent when absent. */
  readonly host?: (socket: net.Socket) => void;
}

export async function playAgent(play: Play): Promise<PlayedAgent> {
  const folder = await mkdtemp(join(tmpdir(), "agent-"));
  const opened = { agent: 0, host: 0 };
  const sockets = new Set<net.Socket>();
  const listen = async (name: "agent" | "host") => {
    const server = net.createServer((socket) => {
      opened[name]++;
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
      play[name]?.(socket);
    });
    await new Promise<void>((resolve) => server.listen(join(folder, name), resolve));
    return server;
  };
  const servers = [await listen("agent"), await listen("host")];
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    opened,
    hangUp,
    open: (name, signal) => openSocket(join(folder, name), signal),
    async [Symbol.asyncDispose]() {
      hangUp();
      for (const server of servers) server.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Takes a hello and answers it as an agent does. */
export function answerHello(socket: net.Socket, then: (socket: net.Socket) => void, generation = 7n): void {
  const onReadable = () => {
    const hello = socket.read(helloBytes) as Buffer | null;
    if (hello === null) return;
    socket.off("readable", onReadable);
    if (!hello.subarray(0, 16).equals(helloMagic)) throw new Error("no hello came");
    const ready = Buffer.from(hello);
    readyMagic.copy(ready);
    ready.writeBigUInt64BE(generation, 32);
    // A write that ends after HTTP/2 has taken the socket over would abort the process.
    socket.write(ready, () => then(socket));
  };
  socket.on("readable", onReadable);
}

export type Answer = (stream: ServerHttp2Stream, path: string, method: string) => void;

/** An agent that says hello and answers requests by a function. */
export function answering(answer: Answer, onSession: (session: ServerHttp2Session) => void = () => {}): Play["agent"] {
  return (socket) =>
    answerHello(socket, () => {
      const session = http2.performServerHandshake(socket);
      session.on("error", () => {});
      session.on("stream", (stream, headers) => {
        stream.on("error", () => {});
        answer(stream, String(headers[":path"]), String(headers[":method"]));
      });
      onSession(session);
    });
}

/** Answers with JSON. */
export function json(stream: ServerHttp2Stream, value: unknown, status = 200): void {
  stream.respond({ ":status": status, "content-type": "application/json" });
  stream.end(JSON.stringify(value));
}

export function openSocket(path: string, signal: AbortSignal): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path, signal });
    socket.once("connect", () => resolve(socket)).once("error", reject);
  });
}
