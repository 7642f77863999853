/**
 * Requests inside plain HTTP, and inside TLS that is opened. Each is decided by itself, by the policy of that instant, and goes to the server on a
 * connection that this program's connection shares with no other.
 *
 * What refuses a request by itself, before or behind the policy, and the name that decisions have for it: `name-mismatch`, `malformed-request`,
 * `refused-method`, `too-many-requests`; `tls-failed` where the program's TLS failed; `forbidden-address`, `no-route`, `unresolved`, `unreachable`, `bad-certificate`, where
 * the server was not reached; `upstream-answer` where its answer was no HTTP. All of them hold in Audit mode too.
 */
import type { Duplex } from "node:stream";
import { DecisionRecord } from "./decision-record.js";
import { exchange } from "./exchange.js";
import { protocolOfFirstBytes } from "./first-bytes.js";
import type { HttpFlow } from "./flow.js";
import { serveHttp1 } from "./http1-program.js";
import { serveHttp2 } from "./http2-program.js";
import { NameMismatch, openTls } from "./opened-tls.js";
import type { ProgramRequest } from "./program-request.js";
import type { UnderWay } from "./under-way.js";
import { Upstreams } from "./upstreams.js";

/** A connection that asks nothing for so long is closed. */
const patienceMs = 75_000;
/** The program's end of a connection that we have ended. */
const lingerMs = 5_000;

/** Serves the program's connection until it ends, or the flow's signal aborts. `program` is destroyed in the end: with an error where it is to be a reset. */
export function serveRequests(flow: HttpFlow): ServedRequests {
  const { program, signal } = flow;
  const served: Served = { underWay: new Set(), upstreams: undefined };
  const over = new AbortController();
  const reset = () => void program.destroy(new Error("reset"));
  program.on("error", () => {});
  program.once("finish", () => {
    const timer = setTimeout(() => program.destroy(), lingerMs);
    program.once("close", () => clearTimeout(timer));
  });
  program.once("close", () => {
    signal.removeEventListener("abort", reset);
    over.abort(new DOMException("the program's connection is over", "AbortError"));
  });
  signal.addEventListener("abort", reset, { once: true });
  if (signal.aborted) reset();
  else void serve(flow, { over: over.signal, reset, served }).catch(reset);
  return {
    recheck: () => {
      for (const one of [...served.underWay]) one.recheck();
      served.upstreams?.retire();
    },
  };
}

export interface ServedRequests {
  /**
   * To be called when the policy, or what else decides about connections, has changed: breaks off those requests that it does not let go
   * on, and sends the next ones on new connections.
   */
  recheck(): void;
}

interface Served {
  readonly underWay: Set<UnderWay>;
  upstreams: Upstreams | undefined;
}

interface Ending {
  readonly served: Served;
  /** Aborts when the program's connection is over. */
  readonly over: AbortSignal;
  reset(): void;
}

async function serve(flow: HttpFlow, ending: Ending): Promise<void> {
  const stream = await opened(flow, ending);
  if (stream === undefined) return;
  const isHttp2 = "alpnProtocol" in stream && stream.alpnProtocol === "h2";
  const protocol = isHttp2 ? "h2" : await protocolOfFirstBytes(stream, patienceMs);
  if (protocol === undefined || stream.destroyed) {
    stream.end();
    return;
  }
  serveProtocol({ flow, stream, protocol }, ending);
}

async function opened(flow: HttpFlow, { reset }: Ending): Promise<Duplex | undefined> {
  if (flow.scheme === "http") return flow.program;
  const record = new DecisionRecord(flow, undefined);
  try {
    const stream = await openTls(flow);
    stream.once("close", () => flow.program.destroy());
    return stream;
  } catch (error) {
    const rule = error instanceof NameMismatch ? "name-mismatch" : "tls-failed";
    record.tell({ verdict: "Deny", rule, reason: tlsReason(error as Error) });
    reset();
    return undefined;
  }
}

function tlsReason(error: Error): string {
  if (/alert unknown ca|certificate unknown|bad certificate/i.test(error.message)) {
    return "the program ended TLS: it does not trust the certificate authority of the sandbox's group, which opens it";
  }
  return `TLS with the program failed: ${error.message}`;
}

interface Serving {
  readonly flow: HttpFlow;
  readonly stream: Duplex;
  readonly protocol: "http/1" | "h2";
}

function serveProtocol({ flow, stream, protocol }: Serving, { over, reset, served }: Ending): void {
  const upstreams = new Upstreams({
    dial: (target, signal) => flow.dial(target, signal),
    mayReach: (address, port) => flow.mayReach(address, port),
    scheme: flow.scheme,
    http2Windows: protocol === "h2" ? flow.windows : undefined,
    signal: over,
  });
  served.upstreams = upstreams;
  over.addEventListener("abort", () => upstreams.close(), { once: true });
  const { headTimeoutMs = 20_000 } = flow;
  const serveOne = (request: ProgramRequest) =>
    exchange(request, { flow, protocol, upstreams, underWay: served.underWay }).catch(() => request.answer.reset());
  const broken = (rule: string, reason: string) => {
    new DecisionRecord(flow, undefined).tell({ verdict: "Deny", rule, reason });
  };
  if (protocol === "http/1") {
    serveHttp1({
      stream,
      headTimeoutMs,
      exchange: serveOne,
      broken: ({ rule, reason }) => broken(rule, reason),
      reset,
    });
  } else {
    serveHttp2({ stream, headTimeoutMs, exchange: serveOne, broken: (detail) => broken("malformed-request", detail) });
  }
}
