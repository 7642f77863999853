/** A real server on a real UNIX socket, with the real control over the fake engine, and a plain client for it. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { type IncomingHttpHeaders, type RequestOptions, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sandbox } from "@alcove/contract";
import { pino } from "pino";
import type { Control } from "../control/control.js";
import { type ControlOptions, createControl } from "../control/create-control.js";
import { TestGateway } from "../control/egress/test-gateway.js";
import { GroupTokens } from "../control/identity/group-tokens.js";
import { Issuer } from "../control/identity/issuer.js";
import { TestImages } from "../control/images/test-images.js";
import { TestIngress } from "../control/ports/test-ingress.js";
import { createFakeEngine } from "../engines/fake/engine.js";
import { FakeHost } from "../engines/fake/host.js";
import { openStore } from "../store/store.js";
import { createHttpServer, type HttpServer, type HttpServerOptions, type TcpOptions } from "./server.js";

export interface Served extends AsyncDisposable {
  readonly socketPath: string;
  readonly server: HttpServer;
  /** By sandbox. */
  readonly machines: FakeHost["machines"];
  /** Opens it to TCP on a port of the system's choice, which is answered. From the first on it issues tokens, under that address. */
  openTcp(options?: Partial<TcpOptions>): Promise<number>;
  readonly logged: readonly LogLine[];
  /** Ends everything but the machines and starts anew on the same socket and store, as a restarted daemon does. */
  restart(): Promise<void>;
}

/** A line of pino's. */
export interface LogLine extends Record<string, unknown> {
  readonly level: number;
  readonly msg: string;
}

export const errorLevel = pino.levels.values.error;

export type ServeOptions = Partial<ControlOptions> & Pick<HttpServerOptions, "tracer">;

/** `change` replaces parts of control, to play faults. */
export async function serve(
  change: (control: Control) => Control = (control) => control,
  limits: NonNullable<HttpServerOptions["limits"]> = {},
  options: ServeOptions = {},
): Promise<Served> {
  const directory = await mkdtemp(join(tmpdir(), "alcove-http-"));
  const logged: LogLine[] = [];
  const logger = pino({ level: "trace" }, { write: (line) => void logged.push(JSON.parse(line)) });
  const socketPath = join(directory, "a.sock");
  const host = new FakeHost();
  let issuer: string | undefined;
  const start = async () => {
    const daemon = await startDaemon({ directory, host, logger, change, limits, options, issuer: () => issuer });
    await daemon.server.listen({ socketPath });
    return daemon;
  };
  let daemon = await start();
  return {
    socketPath,
    logged,
    machines: host.machines,
    get server() {
      return daemon.server;
    },
    async openTcp(options = {}) {
      const defaults = { host: "127.0.0.1", port: 0, allowedHosts: [], trustedOrigins: [] };
      const { port } = await daemon.server.listenOnTcp({ ...defaults, ...options });
      issuer ??= `http://127.0.0.1:${port}`;
      return port;
    },
    async restart() {
      await daemon.stop();
      daemon = await start();
    },
    async [Symbol.asyncDispose]() {
      await daemon.stop();
      await rm(directory, { recursive: true });
    },
  };
}

interface DaemonParts {
  readonly directory: string;
  readonly host: FakeHost;
  readonly logger: pino.Logger;
  readonly change: (control: Control) => Control;
  readonly limits: NonNullable<HttpServerOptions["limits"]>;
  readonly options: ServeOptions;
  readonly issuer: () => string | undefined;
}

async function startDaemon({ directory, host, logger, change, limits, options, issuer }: DaemonParts) {
  const dataDirectory = join(directory, "data");
  await mkdir(dataDirectory, { recursive: true });
  const store = openStore(dataDirectory);
  const engine = createFakeEngine({ host });
  const running = createControl({
    gateway: new TestGateway(),
    ingress: new TestIngress(),
    groupTokens: new GroupTokens(store, new Issuer({ keys: store.issuerKeys, url: issuer })),
    ...{ store, engine, images: new TestImages(), logger, version: "0.0.0", freeSpaceMarkBytes: 0 },
    host: {
      cores: 64,
      totalMemoryMiB: 10_000_000,
      availableMemoryMiB: () => 10_000_000,
      disk: async () => ({ freeBytes: 1e12, totalBytes: 1e12 }),
    },
    capacity: { reservedMemoryMiB: 0, memoryOvercommit: 1, maxConcurrentCreates: 16, queueTimeoutMs: 10_000 },
    ...options,
  });
  const { tracer } = options;
  const parts = { control: change(running.control), logger, version: "0.0.0", limits };
  const server = createHttpServer({ ...parts, ...(tracer && { tracer }) });
  await running.start();
  const stop = async () => {
    await Promise.all([server.close({ deadlineMs: 50 }), running.close()]);
    await engine.close();
    store.close();
  };
  return { server, stop };
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

/** To a UNIX socket by its path, or to a TCP port of this host. */
export function ask(
  place: string | number,
  path: string,
  { body, ...options }: RequestOptions & { body?: unknown } = {},
): Promise<Reply> {
  const where = typeof place === "string" ? { socketPath: place } : { host: "127.0.0.1", port: place };
  const json =
    body === undefined || Buffer.isBuffer(body) || typeof body === "string" ? undefined : JSON.stringify(body);
  const headers = json === undefined ? options.headers : { "content-type": "application/json", ...options.headers };
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...where, path, agent: false, ...options, headers }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("end", () => resolve(replyOf(incoming.statusCode ?? 0, incoming.headers, text)));
      incoming.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(json ?? (body as string | Buffer | undefined));
  });
}

export async function createSandbox(socketPath: string): Promise<{ id: string; path: string }> {
  const { json } = await ask(socketPath, "/v1/groups/default/sandboxes", {
    method: "POST",
    body: { sourcesRef: { diskImage: { name: "debian" } } },
  });
  const { id } = json as unknown as Sandbox;
  return { id, path: `/v1/groups/default/sandboxes/${id}` };
}

function replyOf(status: number, headers: IncomingHttpHeaders, text: string): Reply {
  const isJson = /json/.test(headers["content-type"] ?? "") && !/ndjson/.test(headers["content-type"] ?? "");
  return { status, headers, text, json: isJson && text !== "" ? JSON.parse(text) : {} };
}
