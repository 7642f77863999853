/** For tests: a port on loopback where programs meet `serveRequests`, as they would behind the gateway, and real servers behind it. */
import type { Server } from "node:http";
import net, { type AddressInfo, type Socket } from "node:net";
import { duplexPair } from "node:stream";
import tls from "node:tls";
import { EgressDecision, EgressPolicy } from "@alcove/contract";
import type * as z from "zod";
import { Semaphore } from "../../lib/semaphore.js";
import { compileEgress } from "../../policy/egress/compile.js";
import { mayLeadTo } from "../../policy/egress/transport.js";
import { type Authority, issue, makeAuthority } from "../certificates/authority.js";
import { HiddenValues } from "../echoes/hidden-values.js";
import { SecretValues } from "../gate/secret-values.js";
import { finalVerdict } from "../hooks/hook-verdict.js";
import { DialFailure } from "./dial-failure.js";
import type { DialTarget, HttpFlow } from "./flow.js";
import type { PlacedValue } from "./placed-values.js";
import { type ServedRequests, serveRequests } from "./serve-requests.js";
import { WindowBudget } from "./window-budget.js";

/** Trusted by programs: the group's; and by the gateway: the servers'. */
export const groupAuthority: Authority = await makeAuthority("tests");
export const serverAuthority: Authority = await makeAuthority("servers");

export const allowAll = { defaultAction: "Allow" } as const;
/** Where servers of tests are is not to be reached. */
export const noLoopback = {
  defaultAction: "Allow",
  transportRules: { rules: [{ action: "Deny", protocol: "Tcp", destination: "127.0.0.0/8" }] },
} as const satisfies z.input<typeof EgressPolicy>;

export interface GateOptions {
  readonly scheme: "http" | "https";
  /** Default example.com. */
  readonly host?: string;
  /** Default that of the scheme. */
  readonly port?: number;
  /** By `HOST:PORT` as dialled. */
  readonly servers?: Readonly<Record<string, net.Server | Server | DialFailure>>;
  readonly policy?: z.input<typeof EgressPolicy>;
  /** Programs come by a stream that is no socket. */
  readonly isPlainStream?: boolean;
  readonly enter?: HttpFlow["enter"];
  /** In place of `servers`. */
  readonly dial?: HttpFlow["dial"];
  readonly headTimeoutMs?: number;
  /** By the id of the secret. */
  readonly values?: Readonly<Record<string, string>>;
  readonly waitForTokens?: () => Promise<void>;
  /** Of those of them that go to certain hosts alone. */
  readonly valueHosts?: Readonly<Record<string, readonly string[]>>;
  /** Default 4. */
  readonly askingAtOnce?: number;
  /** Of HTTP/2 beyond what each stream has; default 32 MiB. */
  readonly windowBytes?: number;
  /** Taken out of answers. */
  readonly hidden?: Readonly<Record<string, string>>;
  readonly placed?: readonly PlacedValue[];
}

export interface Gate extends AsyncDisposable {
  readonly port: number;
  readonly decisions: EgressDecision[];
  readonly dialled: DialTarget[];
  /** Of connections to servers that are open now. */
  readonly upstreams: ReadonlySet<Socket>;
  /** Of programs. */
  readonly programs: ReadonlySet<Socket>;
  readonly windows: WindowBudget;
  setPolicy(policy: z.input<typeof EgressPolicy>): void;
  abortAll(): void;
}

export async function startGate(options: GateOptions): Promise<Gate> {
  let compiled = compileEgress(EgressPolicy.parse(options.policy ?? allowAll));
  const decisions: EgressDecision[] = [];
  const dialled: DialTarget[] = [];
  const [upstreams, programs] = [new Set<Socket>(), new Set<Socket>()];
  const controller = new AbortController();
  const leaf = await issue(groupAuthority, options.host ?? "example.com");
  const dialTo = options.dial ?? ((target: DialTarget) => dial(target, options.servers ?? {}));
  const windows = new WindowBudget(options.windowBytes ?? 32 * 1024 * 1024);
  const asking = new Semaphore(options.askingAtOnce ?? 4);
  const hidden = new HiddenValues();
  hidden.setSecrets(options.hidden ?? {});
  const valuesNow = () => new SecretValues({ secrets: options.values ?? {}, secretHosts: options.valueHosts ?? {} });
  const serving = new Set<ServedRequests>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    keepIn(programs, socket);
    const served = serveRequests({
      program: options.isPlainStream === true ? joined(socket) : socket,
      scheme: options.scheme,
      host: options.host ?? "example.com",
      port: options.port ?? { http: 80, https: 443 }[options.scheme],
      compiled: () => compiled,
      isAudit: () => compiled.isAudit,
      dial: async (target, signal) => {
        dialled.push(target);
        return keepIn(upstreams, await dialTo(target, signal));
      },
      // Servers of tests are on loopback: no address is refused by itself.
      mayReach: (address, port) => mayLeadTo(compiled, address, { port, isRefused: () => false }),
      wayOf: (name) => ({ name, route: { type: "Direct" } }),
      certificate: async () => leaf,
      valuesFor: async () => {
        await options.waitForTokens?.();
        return ({ secretRef }, to) => valuesNow().valueFor(secretRef?.secretId ?? "", to);
      },
      windows,
      finalVerdict,
      about: { sandboxId: "sandbox-1", group: "default" },
      asking: (signal, ask) => asking.take(signal, ask),
      echoes: () => hidden.filter(),
      placedValues: () => options.placed ?? [],
      decided: (decision) => decisions.push(EgressDecision.parse(decision)),
      headTimeoutMs: options.headTimeoutMs ?? 5_000,
      ...(options.enter === undefined ? {} : { enter: options.enter }),
      signal: controller.signal,
    });
    serving.add(served);
  });
  await listening(server);
  return {
    ...{ port: portOf(server), decisions, dialled, upstreams, programs, windows },
    setPolicy: (policy) => {
      compiled = compileEgress(EgressPolicy.parse(policy));
      for (const served of serving) served.recheck();
    },
    abortAll: () => controller.abort(new Error("closed")),
    [Symbol.asyncDispose]: async () => {
      for (const socket of [...programs, ...upstreams]) socket.destroy();
      await closed(server);
    },
  };
}

/** With TLS and a valid certificate, as the gateway dials. */
async function dial(target: DialTarget, servers: NonNullable<GateOptions["servers"]>): Promise<Socket> {
  const server = servers[`${target.host}:${target.port}`];
  if (server instanceof DialFailure) throw server;
  if (server === undefined) throw new DialFailure("unresolved", `${target.host} has no address`);
  const port = portOf(server);
  if (!target.tls) return connected(net.connect({ port, host: "127.0.0.1", noDelay: true }), "connect");
  const isName = net.isIP(target.host) === 0;
  const socket = tls.connect({
    ...{ port, host: "127.0.0.1", ca: serverAuthority.certificate, ALPNProtocols: [...target.protocols] },
    ...(isName ? { servername: target.host } : {}),
  });
  socket.setNoDelay(true);
  return connected(socket, "secureConnect");
}

function connected<Kind extends Socket>(socket: Kind, event: string): Promise<Kind> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve(socket));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      const isCertificate = event === "secureConnect" && error.code !== "ECONNREFUSED";
      reject(new DialFailure(isCertificate ? "bad-certificate" : "unreachable", error.message, { cause: error }));
    });
  });
}

/** The other end of a pair of streams, this end joined to the socket. */
function joined(socket: Socket): net.Socket {
  const [ours, theirs] = duplexPair();
  socket.pipe(ours).pipe(socket);
  socket.on("error", () => ours.destroy());
  ours.on("error", () => socket.destroy());
  ours.on("close", () => socket.destroy());
  theirs.on("close", () => ours.destroy());
  return theirs as net.Socket;
}

function keepIn<Kind extends Socket>(sockets: Set<Socket>, socket: Kind): Kind {
  sockets.add(socket);
  socket.once("close", () => sockets.delete(socket));
  socket.on("error", () => {});
  return socket;
}

export function listening<Kind extends net.Server>(server: Kind): Promise<Kind> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

export function closed(server: net.Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

export function portOf(server: net.Server): number {
  return (server.address() as AddressInfo).port;
}

/** Two ends of a connection over loopback. */
export async function connectedPair(): Promise<[Socket, Socket]> {
  const server = net.createServer();
  await listening(server);
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const near = net.connect(portOf(server), "127.0.0.1");
  const far = await accepted;
  server.close();
  return [near, far];
}

/** What a program sends to the gate, byte by byte as it is, and all that it gets back until the end, or until that has what is waited for. */
export function rawExchange(port: number, bytes: string | Buffer, until?: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    let seen = "";
    const settle = () => {
      socket.destroy();
      resolve(seen);
    };
    socket.setEncoding("latin1");
    socket.on("data", (text) => {
      seen += text;
      if (until !== undefined && seen.includes(until)) settle();
    });
    socket.on("error", () => {});
    socket.on("close", settle);
    socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  });
}
