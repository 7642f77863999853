/** For tests: the gateway with its real process, and agents that are played. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Stream } from "node:stream";
import type { EgressDecision, EgressPolicy } from "@alcove/contract";
import { onTestFinished } from "vitest";
import { startWorker, type Worker } from "../host/worker.js";
import { waitFor } from "../lib/backoff.js";
import { playAgent, type TestAgent } from "./agent-test-kit.js";
import { issue, makeAuthority } from "./certificates/authority.js";
import { createGateway, type GatewayOptions } from "./daemon/create-gateway.js";
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

export async function startGateway({
  module = new URL("./worker-main.ts", import.meta.url),
  ...options
}: Partial<Pick<GatewayOptions, "silenceMs" | "issueToken" | "suspicion">> & {
  readonly module?: URL;
} = {}): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), "egress-"));
  const authority = await makeAuthority("default");
  const workers: Worker[] = [];
  const recorded: TestGateway["recorded"] = [];
  const told: TestGateway["told"] = [];
  const logged: string[] = [];
  const agents: TestAgent[] = [];
  const log = (...args: unknown[]) => void logged.push(JSON.stringify(args));
  const gateway = createGateway({
    issueToken: async () => ({ fault: "unavailable" }),
    ...options,
    startWorker: () => {
      const worker = startWorker({ module, memoryMiB: 128, threads: 8 });
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
