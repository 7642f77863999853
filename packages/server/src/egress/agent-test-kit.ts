/** The agent of a sandbox, played over a UNIX socket as a machine has it: for tests of the gateway's process, and to measure it. */
import { once } from "node:events";
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { connect, createServer, type Server, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { answerHello } from "../guest/agent-test-kit.js";
import { maxSessionMemory } from "../guest/http2-socket.js";
import { Link, type Session } from "../guest/link.js";
import { waitFor } from "../lib/backoff.js";
import { encodeName } from "./dns/message.js";
import type { EgressGateway } from "./gateway.js";

export interface TestAgent {
  /** How often a session was served. */
  readonly sessions: number;
  /** The session that there is, or the next. */
  session(): Promise<ClientHttp2Session>;
  /** The raw socket of the newest session, before any HTTP/2: for agents that lie. */
  onSocket(play: ((socket: Socket) => void) | undefined): void;
  connect(destination: string): Promise<ClientHttp2Stream>;
  ask(message: Buffer): Promise<Buffer>;
  /** The address that stands for a name; rejects where there is none. */
  resolve(name: string): Promise<string>;
  close(): Promise<void>;
}

/** A question of DNS: A is 1, AAAA 28. */
export function question(name: string, type: number): Buffer {
  const header = Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, encodeName(name), Buffer.from([0, type, 0, 1])]);
}

export async function playAgent(path: string, gateway: EgressGateway, sandboxId: string): Promise<TestAgent> {
  let sessions = 0;
  let current: ClientHttp2Session | undefined;
  let play: ((socket: Socket) => void) | undefined;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    answerHello(socket, () => {
      sessions++;
      if (play !== undefined) return play(socket);
      current = http2.connect("http://gateway", {
        createConnection: () => socket,
        settings: { initialWindowSize: 1024 * 1024 },
        maxSessionMemory,
      });
      current.setMaxListeners(0);
      current.on("error", () => {});
    });
  });
  server.listen(path);
  await once(server, "listening");
  const serve = gateway.serveHost(sandboxId);
  const link = new Link<Session>(async (within) => serve(await connectUnread(path, within), { generation: 1 }));
  link.openLater();
  const ask = async (message: Buffer) => {
    const stream = (await session()).request({ ":method": "POST", ":path": "/dns", "x-alcove-protocol": "udp" });
    stream.end(message);
    return await buffer(stream);
  };
  const session = () =>
    waitFor(
      () => (current !== undefined && !current.closed && !current.destroyed ? current : undefined),
      AbortSignal.timeout(15_000),
    );
  return {
    get sessions() {
      return sessions;
    },
    session,
    onSocket: (next) => {
      play = next;
      for (const socket of sockets) socket.destroy();
    },
    async connect(destination) {
      const stream = (await session()).request(
        { ":method": "POST", ":path": "/connections", "x-alcove-destination": destination },
        { endStream: false },
      );
      stream.on("error", () => {});
      return stream;
    },
    ask,
    async resolve(name) {
      const answer = await ask(question(name, 1));
      if (answer.readUInt16BE(6) === 0) throw new Error(`${name} has no address`);
      return [...answer.subarray(-4)].join(".");
    },
    async close() {
      await link.close();
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function connectUnread(path: string, within: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.pause();
    const giveUp = () => {
      socket.destroy();
      reject(within.reason);
    };
    within.addEventListener("abort", giveUp, { once: true });
    socket.once("error", reject).once("connect", () => {
      within.removeEventListener("abort", giveUp);
      resolve(socket);
    });
  });
}
