/** For tests: the gateway with its real process, and agents that a test plays over UNIX sockets, as a machine has them. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Stream } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { EgressDecision, EgressPolicy } from "@alcove/contract";
import { onTestFinished } from "vitest";
import { answerHello } from "../guest/agent-kit.js";
import { Link, type Session } from "../guest/link.js";
import { startWorker, type Worker } from "../host/worker.js";
import { waitFor } from "../lib/backoff.js";
import { issue, makeAuthority } from "./certificates/authority.js";
import { createGateway } from "./daemon/create-gateway.js";
import { encodeName } from "./dns/message.js";
import type { EgressGateway, EgressSettings, NameEntry } from "./gateway.js";

export const soon = () => AbortSignal.timeout(15_000);

export function settingsOf(policy: EgressPolicy, more: Partial<EgressSettings> = {}): EgressSettings {
  return { group: "default", policy, names: [], resolverOverrides: {}, upstreamCertificates: "", ...more };
}

/** Allows everything on this host. */
export const loopback: NonNullable<EgressPolicy["transportRules"]> = {
  rules: [{ action: "Allow", protocol: "Tcp", destination: "127.0.0.0/8" }],
};

/** A server on this host until the test is over; answers its port. */
export async function listen(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, serve);
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return Object(server.address()).port;
}

export const echo = (socket: Socket) => void socket.pipe(socket);

/** Resets are errors; here they are what is waited for. */
export const closeOf = (stream: Stream) => new Promise<void>((resolve) => stream.once("close", resolve));

export interface TestGateway extends AsyncDisposable {
  readonly gateway: EgressGateway;
  /** The certificate of the group's authority. */
  readonly authority: string;
  /** Those that were started, the newest last. */
  readonly workers: readonly Worker[];
  readonly recorded: [sandboxId: string, entry: NameEntry][];
  readonly told: [sandboxId: string, decision: EgressDecision][];
  readonly logged: string[];
  /** The first decision of it that fits, once it was told. */
  decision(sandboxId: string, fits: Partial<EgressDecision>): Promise<EgressDecision>;
  /** An agent that is connected as one of a machine's is: again, whenever its session ends. */
  agent(sandboxId: string): Promise<TestAgent>;
}

export async function startGateway(options: { readonly silenceMs?: number } = {}): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), "egress-"));
  const authority = await makeAuthority("default");
  const workers: Worker[] = [];
  const recorded: TestGateway["recorded"] = [];
  const told: TestGateway["told"] = [];
  const logged: string[] = [];
  const agents: TestAgent[] = [];
  const log = (...args: unknown[]) => void logged.push(JSON.stringify(args));
  const gateway = createGateway({
    ...options,
    startWorker: () => {
      const worker = startWorker({ module: new URL("./worker-main.ts", import.meta.url), memoryMiB: 128, threads: 8 });
      workers.push(worker);
      return worker;
    },
    recordName: (sandboxId, entry) => {
      if (entry.name.startsWith("unrecordable")) throw new Error("the disk is full");
      recorded.push([sandboxId, entry]);
    },
    issueCertificate: (_group, host) => issue(authority, host),
    logger: { error: log, warn: log },
  });
  gateway.onDecision((sandboxId, decision) => void told.push([sandboxId, decision]));
  return {
    ...{ gateway, workers, recorded, told, logged, authority: authority.certificate },
    decision: (sandboxId, fits) =>
      waitFor(() => {
        const wanted = Object.entries(fits);
        return told.find(
          ([id, each]) => id === sandboxId && wanted.every(([key, value]) => Object(each)[key] === value),
        )?.[1];
      }, soon()),
    async agent(sandboxId) {
      const agent = await playAgent(join(folder, `${agents.length}`), gateway, sandboxId);
      agents.push(agent);
      return agent;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(agents.map((agent) => agent.close()));
      await gateway.close();
      await rm(folder, { recursive: true });
    },
  };
}

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

async function playAgent(path: string, gateway: EgressGateway, sandboxId: string): Promise<TestAgent> {
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
        maxSessionMemory: 100,
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
    waitFor(() => (current !== undefined && !current.closed && !current.destroyed ? current : undefined), soon());
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
