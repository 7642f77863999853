/**
 * Asks a rule's endpoint about one request: on a connection of its own, that no other question shares, to an address that is checked as every
 * other's, with TLS that is verified as every other's.
 */
import { type EgressHook, normalizeHost } from "@alcove/contract";
import { withDeadline } from "../../lib/deadline.js";
import { untilAborted } from "../../lib/until-aborted.js";
import { withResolvers } from "../../lib/with-resolvers.js";
import { authorityOf, defaultPorts } from "../http/asked-authority.js";
import type { HttpFlow } from "../http/flow.js";
import { literalChanges, refsOf } from "../http/literal-changes.js";
import type { Upstream, UpstreamAnswer } from "../http/upstream.js";
import { type Destination, Upstreams } from "../http/upstreams.js";
import { changed, type HeaderList, type LiteralChange } from "../message/header-list.js";

const defaultTimeoutMs = 5_000;
const longestAnswerBytes = 65_536;

/** Answers what it said. @throws where it did not, in time and with a status of 2xx: half a sentence */
export async function askEndpoint(
  { endpoint, authHeaders = [], timeoutMs = defaultTimeoutMs }: EgressHook,
  question: Buffer,
  { flow, signal }: { readonly flow: HttpFlow; readonly signal: AbortSignal },
): Promise<string> {
  using deadline = withDeadline(signal, timeoutMs);
  const { destination, path } = destinationOf(endpoint);
  const { dial, mayReach } = flow;
  const upstreams = new Upstreams({ dial, mayReach, scheme: "http", http2Windows: undefined, signal: deadline.signal });
  const asked = async () => {
    const upstream = await upstreams.open(destination);
    const resolve = await flow.valuesFor(refsOf(authHeaders));
    // In one turn with the sending, so that what is in force now counts.
    const changes = literalChanges(authHeaders, (ref) => resolve(ref, destination.host));
    return await post(upstream, { destination, path, changes, question });
  };
  try {
    return await untilAborted(asked(), deadline.signal);
  } catch (error) {
    if (deadline.expired) throw new Error(`it did not answer within ${timeoutMs} ms`, { cause: error });
    throw error;
  } finally {
    upstreams.close();
  }
}

function destinationOf(endpoint: string): { readonly destination: Destination; readonly path: string } {
  const url = new URL(endpoint);
  const scheme = url.protocol === "http:" ? "http" : "https";
  const host = normalizeHost(url.hostname)?.host;
  if (host === undefined) throw new Error("it has no host");
  const port = url.port === "" ? defaultPorts[scheme] : Number(url.port);
  return { destination: { scheme, host, port }, path: `${url.pathname}${url.search}` };
}

interface Posted {
  readonly destination: Destination;
  readonly path: string;
  readonly changes: readonly LiteralChange[];
  readonly question: Buffer;
}

async function post(upstream: Upstream, { destination, path, changes, question }: Posted): Promise<string> {
  const { promise, resolve, reject } = withResolvers<string>();
  const own: HeaderList = [
    ["Content-Type", "application/json"],
    ["Content-Length", String(question.length)],
    ["Accept", "application/json"],
    ["Accept-Encoding", "identity"],
    ["Connection", "close"],
  ];
  const exchange = upstream.send(
    {
      ...{ method: "POST", scheme: destination.scheme, authority: authorityOf(destination), path },
      ...{ headers: changed(own, changes), hasBody: true, takesTrailers: false, isWebSocket: false },
    },
    {
      informed: () => {},
      answered: (answer) => void readWhole(answer).then(resolve, reject),
      switched: (_head, stream) => {
        stream.destroy();
        reject(new Error("it changed to another protocol"));
      },
      failed: (error) => reject(error),
    },
  );
  exchange.body.on("error", reject);
  exchange.body.write(question);
  exchange.finish([]);
  return await promise;
}

async function readWhole({ status, body }: UpstreamAnswer): Promise<string> {
  body?.on("error", () => {});
  if (status < 200 || status > 299) throw new Error(`it answered with the status ${status}`);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > longestAnswerBytes) throw new Error(`its answer is longer than ${longestAnswerBytes / 1024} KiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
