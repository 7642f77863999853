/** Docker's HTTP API over its UNIX socket, as far as the bench measures it: what any warm program would use. */
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import type { Duplex, Readable } from "node:stream";
import { json } from "node:stream/consumers";

export interface DockerApi {
  /** Sends a request and answers the parsed JSON, or undefined where there is none. */
  call(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Sends a stream as the body. */
  send(method: string, path: string, body: Readable): Promise<string>;
  /** Answers the body as a stream. */
  receive(path: string): Promise<Readable>;
  /** Upgrades to Docker's multiplexed stream of stdout and stderr. */
  attach(path: string, body?: unknown): Promise<Duplex>;
  close(): void;
}

export function connectDocker(socketPath: string): DockerApi {
  const agent = new Agent({ keepAlive: true });
  const open = (method: string, path: string, headers: Record<string, string>) =>
    httpRequest({ socketPath, agent, method, path: `/v1.41${path}`, headers });

  return {
    async call(method, path, body) {
      const request = open(method, path, { "content-type": "application/json" });
      const response = await answerOf(request.end(body === undefined ? undefined : JSON.stringify(body)));
      if (response.headers["content-type"]?.includes("json") === true) return json(response);
      response.resume();
      return undefined;
    },
    async send(method, path, body) {
      const request = open(method, path, { "content-type": "application/x-tar" });
      body.pipe(request);
      return textOf(await answerOf(request));
    },
    receive: (path) => answerOf(open("GET", path, {}).end()),
    attach(path, body) {
      const request = httpRequest({
        socketPath,
        method: "POST",
        path: `/v1.41${path}`,
        headers: { "content-type": "application/json", connection: "Upgrade", upgrade: "tcp" },
      });
      return upgraded(request.end(body === undefined ? undefined : JSON.stringify(body)));
    },
    close: () => agent.destroy(),
  };
}

/** Fulfils with the first payload byte's arrival; the stream goes on. */
export async function firstOutput(stream: Duplex): Promise<void> {
  const headerBytes = 8;
  let seen = 0;
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    seen += (chunk as Uint8Array).length;
    if (seen > headerBytes) return;
  }
  throw new Error("the stream ended without output");
}

async function answerOf(request: ReturnType<typeof httpRequest>): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve).once("error", reject);
  });
  const status = response.statusCode ?? 0;
  if (status < 300 || status === 304) return response;
  throw new Error(`Docker answered ${request.method} ${request.path} with ${status}: ${await textOf(response)}`);
}

function upgraded(request: ReturnType<typeof httpRequest>): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    request.once("upgrade", (_response, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.once("response", (response: IncomingMessage) => {
      response.resume();
      reject(new Error(`Docker did not upgrade ${request.path}: ${response.statusCode}`));
    });
    request.once("error", reject);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk;
  return text;
}
