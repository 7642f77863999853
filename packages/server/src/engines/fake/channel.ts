/** The agent's end of the fake channel: hello, then HTTP/2, over a pair of streams in memory. */
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { helloBytes, helloMagic, readyMagic } from "../../guest/hello.js";
import { serveHttp2 } from "../../lib/http2-sessions.js";
import { inMemoryPair } from "./in-memory-pair.js";

export interface Identity {
  readonly generation: number;
  /** 16 hexadecimal digits. */
  readonly bootId: string;
}

/** Serves one session; answers the daemon's end and how to hang up. */
export function serveChannel(
  identity: Identity,
  handle: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
) {
  const [daemon, agent] = connectedPair();
  void readHello(agent).then((hello) => {
    if (hello === undefined) return;
    agent.write(answerTo(hello, identity));
    const session = serveHttp2(agent, {
      settings: { initialWindowSize: 1024 * 1024, maxConcurrentStreams: 1_000 },
    });
    session.on("error", () => {});
    session.on("stream", (stream, headers) => {
      stream.on("error", () => {});
      handle(stream, headers);
    });
  });
  return { daemon, hangUp: () => agent.destroy() };
}

/** Answers a stream on which nobody ever says anything. */
export function silentChannel(): { readonly daemon: Duplex; hangUp(): void } {
  const [daemon, agent] = connectedPair();
  agent.resume();
  return { daemon, hangUp: () => agent.destroy() };
}

/** A pair whose ends go together, as a socket's do. */
function connectedPair(): [daemon: Duplex, agent: Duplex] {
  const [daemon, agent] = inMemoryPair();
  daemon.once("close", () => agent.destroy());
  agent.once("close", () => daemon.destroy());
  agent.on("error", () => {});
  return [daemon, agent];
}

function readHello(agent: Duplex): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const onReadable = () => {
      const hello = agent.read(helloBytes) as Buffer | null;
      if (hello === null) return;
      agent.off("readable", onReadable);
      resolve(hello.subarray(0, helloMagic.length).equals(helloMagic) ? hello : undefined);
    };
    agent.on("readable", onReadable).once("close", () => resolve(undefined));
  });
}

function answerTo(hello: Buffer, identity: Identity): Buffer {
  const answer = Buffer.from(hello);
  readyMagic.copy(answer);
  answer.writeBigUInt64BE(BigInt(identity.generation), 32);
  answer.write(identity.bootId, 40, "hex");
  return answer;
}
