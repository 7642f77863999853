/** A real server on a real UNIX socket over the fake engine, and a plain client for it. */
import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingHttpHeaders, type RequestOptions, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sandbox } from "@alcove/contract";
import type { Control } from "../control/control.js";
import { createFakeEngine } from "../engines/fake/engine.js";
import { FakeHost } from "../engines/fake/host.js";
import { createTestControl, type TestControl } from "./control-for-tests.js";
import type { Logger } from "./logger.js";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "./server.js";

export interface Served extends AsyncDisposable {
  readonly socketPath: string;
  readonly control: TestControl;
  readonly server: HttpServer;
  readonly logged: readonly LogLine[];
  /** Ends the server and starts another on the same socket over the same machines, as a restarted daemon does. */
  restart(): Promise<void>;
}

export interface LogLine {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

export async function serve(
  change: (control: TestControl) => Control = (control) => control,
  limits: HttpServerOptions["limits"] = {},
): Promise<Served> {
  const directory = await mkdtemp(join(tmpdir(), "alcove-http-"));
  const socketPath = join(directory, "a.sock");
  const engine = createFakeEngine({ host: new FakeHost() });
  const control = createTestControl(engine);
  const logged: LogLine[] = [];
  const listen = async () => {
    const server = createHttpServer({ control: change(control), logger: loggerInto(logged), version: "0.0.0", limits });
    await server.listen({ socketPath });
    return server;
  };
  let server = await listen();
  return {
    socketPath,
    control,
    logged,
    get server() {
      return server;
    },
    async restart() {
      await server.close({ deadlineMs: 0 });
      server = await listen();
    },
    async [Symbol.asyncDispose]() {
      await server.close({ deadlineMs: 0 });
      await engine.close();
      await rm(directory, { recursive: true });
    },
  };
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

export function ask(
  socketPath: string,
  path: string,
  { body, ...options }: RequestOptions & { body?: unknown } = {},
): Promise<Reply> {
  const json =
    body === undefined || Buffer.isBuffer(body) || typeof body === "string" ? undefined : JSON.stringify(body);
  const headers = json === undefined ? options.headers : { "content-type": "application/json", ...options.headers };
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, agent: false, ...options, headers }, (incoming) => {
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

function loggerInto(lines: LogLine[]): Logger {
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields: fields as Record<string, unknown>, message });
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}
