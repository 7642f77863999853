/**
 * The gateway's process, measured without a machine: the agent's side of the channel is played here, over the real protocol, so that an emulated processor
 * is no part of it. Client, agent and server share this process; what they cost is in the figures of the gate, and client and server in the direct ones.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import { EgressPolicy } from "@alcove/contract";
import { playAgent } from "../../packages/server/src/egress/agent-test-kit.js";
import { issue, makeAuthority } from "../../packages/server/src/egress/certificates/authority.js";
import { createGateway } from "../../packages/server/src/egress/daemon/create-gateway.js";
import { startWorker, type Worker } from "../../packages/server/src/host/worker.js";
import { checkout } from "../checkout.js";

const names = 200;
const payload = Buffer.alloc(65_536, "x");
const megabyte = 1_000_000;

/** A way to the server: `passed` has its TLS untouched, `opened` has it opened by the gateway. */
export type Way = "direct" | "passed" | "opened";

export interface BenchGate {
  /** Milliseconds from nothing to the first byte of an answer, on a connection of its own; `name` is one of 200. */
  firstByte(way: Way, name?: number): Promise<number>;
  /** Megabytes a second of one answer of so many megabytes. */
  throughput(way: Way, megabytes: number): Promise<number>;
  /** Megabytes that the gateway's process has with so many connections whose TLS is opened, after a request on each. */
  memory(connections: number): Promise<number>;
  stop(): Promise<void>;
}

export async function startGate(): Promise<BenchGate> {
  const folder = await mkdtemp(join(tmpdir(), "alcove-bench-gate-"));
  const [group, servers] = [await makeAuthority("bench"), await makeAuthority("servers")];
  const server = await startServer(await issue(servers, "*.bench.test"));
  const workers: Worker[] = [];
  const gateway = createGateway({
    startWorker: () => {
      const module = new URL(`file://${checkout}/packages/server/dist/egress/worker-main.js`);
      const worker = startWorker({ module, memoryMiB: 512, threads: 8 });
      workers.push(worker);
      return worker;
    },
    recordName: () => {},
    issueCertificate: (_group, host) => issue(group, host),
    issueToken: async () => ({ fault: "unavailable" }),
    logger: { error: console.error, warn: console.error },
  });
  const agents = {
    passed: await agentOf("passed", {}),
    opened: await agentOf("opened", { path: "/**" }),
  };

  async function agentOf(id: string, match: { readonly path?: string }) {
    const overrides = Array.from({ length: names }, (_, at) => [`n${at}.bench.test`, "127.0.0.1"] as const);
    await gateway.apply(id, {
      ...{ group: "bench", policy: policyOf(match), names: [], upstreamCertificates: servers.certificate },
      resolverOverrides: Object.fromEntries(overrides),
    });
    return await playAgent(join(folder, id), gateway, id);
  }

  async function connected(way: Way, name = 0): Promise<TLSSocket> {
    const servername = `n${name}.bench.test`;
    if (way === "direct")
      return await secured(connect({ port: server.port, host: "127.0.0.1", servername, ca: servers.certificate }));
    const agent = agents[way];
    const stream: Duplex = await agent.connect(`${await addressOf(way, servername)}:${server.port}`);
    return await secured(connect({ socket: stream, servername, ca: [servers.certificate, group.certificate] }));
  }

  /** Looked up once: programs do that by themselves. */
  const addresses = new Map<string, string>();
  async function addressOf(way: "passed" | "opened", name: string): Promise<string> {
    const known = addresses.get(`${way} ${name}`) ?? (await agents[way].resolve(name));
    addresses.set(`${way} ${name}`, known);
    return known;
  }

  const ask = (socket: TLSSocket, name: number, path: string) =>
    socket.write(`GET ${path} HTTP/1.1\r\nHost: n${name}.bench.test:${server.port}\r\n\r\n`);

  return {
    async firstByte(way, name = 0) {
      if (way !== "direct") await addressOf(way, `n${name}.bench.test`);
      const started = performance.now();
      const socket = await connected(way, name);
      ask(socket, name, "/");
      await once(socket, "data");
      const elapsed = performance.now() - started;
      socket.destroy();
      return elapsed;
    },
    async throughput(way, megabytes) {
      const socket = await connected(way);
      const started = performance.now();
      ask(socket, 0, `/${megabytes}`);
      let bytes = 0;
      for await (const chunk of socket) {
        bytes += chunk.length;
        if (bytes >= megabytes * megabyte) break;
      }
      socket.destroy();
      return bytes / 1_000 / (performance.now() - started);
    },
    async memory(connections) {
      const sockets: TLSSocket[] = [];
      for (let at = 0; at < connections; at++) {
        const socket = await connected("opened");
        ask(socket, 0, "/");
        await once(socket, "data");
        sockets.push(socket);
      }
      const [, kibibytes] =
        /^Rss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${workers.at(-1)?.pid}/smaps_rollup`, "utf8")) ?? [];
      for (const socket of sockets) socket.destroy();
      return (Number(kibibytes) * 1_024) / megabyte;
    },
    async stop() {
      await Promise.all([agents.passed.close(), agents.opened.close()]);
      await gateway.close();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function policyOf(more: { readonly path?: string }): EgressPolicy {
  return EgressPolicy.parse({
    defaultAction: "Deny",
    rules: [{ name: "bench", match: { host: "*.bench.test", ...more }, action: { type: "Allow" } }],
    transportRules: { rules: [{ action: "Allow", protocol: "Tcp", destination: "127.0.0.0/8" }] },
  });
}

async function secured(socket: TLSSocket): Promise<TLSSocket> {
  await once(socket, "secureConnect");
  return socket;
}

/** `/` answers two bytes, `/64` 64 MB and a little. */
async function startServer({ certificate, key }: { readonly certificate: string; readonly key: string }) {
  const server = createServer({ cert: certificate, key }, (request, response) => {
    const bytes = Number(request.url?.slice(1)) * megabyte;
    if (bytes === 0) return void response.setHeader("content-length", 2).end("ok");
    let left = Math.ceil(bytes / payload.length) + 1;
    const more = () => {
      while (left-- > 0) if (!response.write(payload)) return void response.once("drain", more);
      response.end();
    };
    more();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { port: Number(Object(server.address()).port), close };
}
