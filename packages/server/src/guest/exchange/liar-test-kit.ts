/** For tests: a guest that lies about what lies in the exchange. */
import http2, { type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { waitFor } from "../../lib/backoff.js";
import { type Answer, answerHello, answering, type Play, type PlayedAgent, playAgent } from "../agent-test-kit.js";
import { connectGuest } from "../connect.js";
import type { Guest } from "../guest.js";
import { type OpenExchange, placeBytes } from "./exchange.js";

export type Lie = (stream: ServerHttp2Stream) => void;

export const plainHead = { ":status": 200, "x-alcove-size": "0", "x-alcove-mode": "644" };
export const exchangedHead = { ...plainHead, "x-alcove-exchange": "true" };

export interface Liar extends AsyncDisposable {
  readonly guest: Guest;
  readonly signal: AbortSignal;
  readonly opened: PlayedAgent["opened"];
  /** How often it was asked for a lie. */
  asked(): number;
  /** The slots that the latest truthful calls named. */
  readonly named: Set<string>;
}

export interface LiarOptions {
  readonly signal: AbortSignal;
  readonly openExchange: OpenExchange;
  /** How the agent's stream is played; as usual when absent. */
  readonly play?: ((answer: Answer) => Play["agent"]) | undefined;
}

/** A guest that lies about the path /lie; about others it is truthful, and answers four at a time. */
export async function startLiar(lie: Lie, { signal, openExchange, play = answering }: LiarOptions): Promise<Liar> {
  let asked = 0;
  const named = new Set<string>();
  const waiting: ServerHttp2Stream[] = [];
  const answer: Answer = (stream, path) => {
    const query = new URLSearchParams(path.split("?")[1]);
    stream.resume();
    if (query.get("path") === "/lie") {
      asked++;
      return lie(stream);
    }
    named.add(query.get("exchange") ?? "none");
    waiting.push(stream);
    if (waiting.length === 4) for (const held of waiting.splice(0)) afterHead(plainHead, (begun) => begun.end())(held);
  };
  const agent = await playAgent({ agent: play(answer) });
  const guest = await connectGuest(agent.open, { signal, openExchange });
  const dispose = async () => {
    await guest.close();
    await agent[Symbol.asyncDispose]();
  };
  return { guest, signal, opened: agent.opened, named, asked: () => asked, [Symbol.asyncDispose]: dispose };
}

/** Four calls at once name the four slots, as soon as nobody has one any more. */
export async function expectAllSlots(liar: Liar): Promise<void> {
  const isEachNamed = async () => ((await slotsNamed(liar)).join() === "0,1,2,3" ? true : undefined);
  await waitFor(isEachNamed, AbortSignal.timeout(3_000));
}

/** What four calls at once name as their slots. */
export async function slotsNamed({ guest, named, signal }: Liar): Promise<readonly string[]> {
  named.clear();
  const reads = Array.from({ length: 4 }, () => guest.files.read("/truth", {}, signal));
  for (const { content } of await Promise.all(reads)) await content.toArray();
  return [...named].sort();
}

export function lengths(...all: number[]): Buffer {
  const bytes = Buffer.alloc(4 * all.length);
  all.forEach((length, index) => {
    bytes.writeUInt32BE(length, 4 * index);
  });
  return bytes;
}

export function afterHead(head: OutgoingHttpHeaders, then: Lie): Lie {
  return (stream) => {
    if (stream.destroyed) return;
    stream.respond(head);
    then(stream);
  };
}

export function pour(stream: ServerHttp2Stream, chunk: Buffer): void {
  const more = () => {
    if (!stream.destroyed) stream.write(chunk, more);
  };
  more();
}

/** As an agent that has more and more: a part for each that is fetched. */
export function announceForEver(stream: ServerHttp2Stream): void {
  stream.write(lengths(placeBytes, placeBytes, placeBytes, placeBytes));
  stream.on("data", (fetched: Buffer) => stream.write(lengths(...Array.from(fetched, () => placeBytes))));
}

/** An agent that takes no byte of what is sent to it. */
export function withoutWindow(answer: Answer): Play["agent"] {
  return (socket) =>
    answerHello(socket, () => {
      const session = http2.performServerHandshake(socket, { settings: { initialWindowSize: 0 } });
      session.on("error", () => {});
      session.on("stream", (stream, headers) => {
        stream.on("error", () => {});
        answer(stream, String(headers[":path"]), String(headers[":method"]));
      });
    });
}
