/** For tests: the ingress gateway with its real process, and a client that says byte for byte what it is told. */
import { type IncomingHttpHeaders, type RequestOptions, request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { startWorker, type Worker } from "../host/worker.js";
import { createIngress, type IngressOptions } from "./daemon/create-ingress.js";
import type { IdentityProvider } from "./daemon/identity-provider.js";
import type { IngressGateway } from "./ingress.js";

export function startIngress(
  { tcp, ...listen }: Partial<IngressOptions["listen"]> & Pick<IngressOptions, "tcp"> = {},
  onWorker: (worker: Worker) => void = () => {},
  signIn?: IdentityProvider,
): IngressGateway {
  const module = new URL("./worker-main.ts", import.meta.url);
  return createIngress({
    startWorker: () => {
      const worker = startWorker({ module, memoryMiB: 128, threads: 1, niceness: 0 });
      onWorker(worker);
      return worker;
    },
    listen: { host: "127.0.0.1", port: 0, mayMove: false, domain: "localhost", trustedProxies: [], ...listen },
    ...(signIn && { signIn }),
    tcp,
    logger: { error: () => {}, warn: () => {}, info: () => {} },
  });
}

export interface Seen {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** At a preview's address, whatever the system's resolver makes of its name. */
export function visit(url: string, { body, ...options }: RequestOptions & { body?: string } = {}): Promise<Seen> {
  const { host, port, pathname, search } = new URL(url);
  const headers = { host, ...options.headers };
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: "127.0.0.1",
      port,
      path: `${pathname}${search}`,
      agent: false,
      ...options,
      headers,
    });
    outgoing.once("error", reject).once("response", (answer) => {
      text(answer).then(
        (said) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: said }),
        reject,
      );
    });
    outgoing.end(body);
  });
}

/** Sends bytes as they are, and answers with all that comes back. */
export async function say(port: number, bytes: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  socket.write(bytes, "latin1");
  return await text(socket).catch(() => "");
}
