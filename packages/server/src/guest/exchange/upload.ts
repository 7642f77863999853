/** Sending a large body through the exchange: the content lies in its places, the channel says how much. */
import type { ClientHttp2Stream } from "node:http2";
import { untilAborted } from "../../lib/until-aborted.js";
import { giveUp, headOf, untilClosed, whenEnded } from "../answer.js";
import { type AgentLink, refuse } from "../call.js";
import { ProtocolBreak } from "../fault.js";
import { parseJson } from "../json.js";
import { maxRefusalBytes, refusalOf } from "../refusal.js";
import type { AgentSession } from "../session.js";
import { withSource } from "../source.js";
import { answerUnlessSourceFails, onSession, type Upload, upload } from "../upload.js";
import { type Exchange, placeBytes, placesPerSlot, type Slot } from "./exchange.js";
import { beginningOf, gathered, groupsOf, withRest } from "./pieces.js";

/** Less than that is sooner sent than a slot is claimed. */
const exchangeFromBytes = 256 * 1024;

/** Sends what is large, where the machine can exchange it so; everything else goes through the channel. */
export async function uploadAny<T>(
  link: AgentLink,
  exchange: Exchange | undefined,
  call: Upload<T>,
  signal: AbortSignal,
): Promise<T> {
  if (exchange === undefined) return upload(link, call, signal);
  return withSource(call.content, signal, (content) => uploadLarge(link, exchange, { ...call, content }, signal));
}

async function uploadLarge<T>(link: AgentLink, exchange: Exchange, call: Upload<T>, signal: AbortSignal): Promise<T> {
  const source = gathered(call.content);
  const { pieces, isWhole } = await untilAborted(beginningOf(source, exchangeFromBytes), signal).catch((error) => {
    void source.return(undefined).catch(() => {});
    throw error;
  });
  const whole = { ...call, content: withRest(pieces, source) };
  const slot = isWhole ? undefined : await exchange.claim();
  if (slot === undefined) return upload(link, whole, signal);
  let isFinished = false;
  try {
    const result = await onSession(link, signal, (session) => uploadThrough(session, slot, whole, signal));
    if (result !== slotTaken) {
      isFinished = true;
      return result;
    }
  } finally {
    slot.release(isFinished);
  }
  return upload(link, whole, signal);
}

/** A call that hangs in the guest still has the slot: nothing of the content was sent, and nothing was asked of its source. */
const slotTaken = Symbol("slot taken");

async function uploadThrough<T>(
  session: AgentSession,
  slot: Slot,
  call: Upload<T>,
  signal: AbortSignal,
): Promise<T | typeof slotTaken> {
  const path = `${call.path}${call.path.includes("?") ? "&" : "?"}exchange=${slot.number}`;
  const stream = session.request({ ":method": call.method, ":path": path }, true);
  const places = new FreePlaces();
  let isSent = false;
  const sending = fillPlaces(stream, { slot, places, content: call.content }).then(() => {
    isSent = true;
  });
  const answering = answerOf(session, { stream, places, call, isSent: () => isSent }, signal);
  try {
    return await answerUnlessSourceFails(stream, sending, answering);
  } finally {
    await sending.catch(() => {});
  }
}

interface Filling {
  readonly slot: Slot;
  readonly places: FreePlaces;
  readonly content: AsyncIterable<Uint8Array>;
}

/** Stops quietly, and soon, when the stream closes; ends the stream abruptly when the content fails. */
async function fillPlaces(stream: ClientHttp2Stream, { slot, places, content }: Filling): Promise<void> {
  const groups = groupsOf(content, placeBytes);
  const closed = new Promise<undefined>((resolve) => stream.once("close", () => resolve(undefined)));
  try {
    await Promise.race([places.first(), closed]);
    for (let place = 0; !stream.destroyed && !stream.closed; place++) {
      const next = await Promise.race([groups.next(), closed]);
      if (next === undefined || next.done === true) break;
      await Promise.race([places.take(), closed]);
      if (stream.destroyed || stream.closed) break;
      await slot.fill(place, next.value);
      if (stream.destroyed || stream.closed) break;
      stream.write(lengthOf(next.value));
    }
    if (!stream.destroyed && !stream.closed) stream.end();
  } catch (error) {
    giveUp(stream);
    throw error;
  } finally {
    void groups.return(undefined).catch(() => {});
  }
}

function lengthOf(pieces: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(pieces.reduce((sum, { length }) => sum + length, 0));
  return header;
}

/** The places that the agent has said it is done with. */
class FreePlaces {
  #count = 0;
  #waiting: (() => void) | undefined;

  add(): void {
    if (++this.#count > placesPerSlot) throw new ProtocolBreak(`it has more than ${placesPerSlot} places free`);
    this.#waiting?.();
  }

  /** Waits until there is one, and leaves it free. */
  async first(): Promise<void> {
    if (this.#count === 0) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    this.#waiting = undefined;
  }

  async take(): Promise<void> {
    await this.first();
    this.#count--;
  }
}

const kinds = { placeFree: 1, done: 2, refused: 3 } as const;

interface Answering<T> {
  readonly stream: ClientHttp2Stream;
  readonly places: FreePlaces;
  readonly call: Upload<T>;
  readonly isSent: () => boolean;
}

async function answerOf<T>(
  session: AgentSession,
  { stream, places, call, isSent }: Answering<T>,
  signal: AbortSignal,
): Promise<T | typeof slotTaken> {
  const head = await headOf(session, stream, signal);
  if (head["x-alcove-exchange"] === "taken") {
    giveUp(stream);
    return slotTaken;
  }
  await refuse(session, stream, head, call.errors, signal);
  const { kind, body } = await lastWords(session, { stream, places, isSent }, signal);
  if (kind === kinds.refused) throw refusalOf(body, call.errors);
  return parseJson(body, call.answer, "an answer to an upload");
}

/** Reads which places become free, and then what follows: one byte that says what it is, and JSON. */
function lastWords(
  session: AgentSession,
  { stream, places, isSent }: Pick<Answering<unknown>, "stream" | "places" | "isSent">,
  signal: AbortSignal,
): Promise<{ readonly kind: number; readonly body: Buffer }> {
  let kind: number | undefined;
  let body = Buffer.alloc(0);
  const take = (chunk: Buffer) => {
    let at = 0;
    for (; kind === undefined && at < chunk.length; at++) {
      if (chunk[at] === kinds.placeFree) places.add();
      else kind = chunk[at];
    }
    if (kind === kinds.done && !isSent()) throw new ProtocolBreak("it answered an upload before its end");
    if (kind !== undefined && kind !== kinds.done && kind !== kinds.refused)
      throw new ProtocolBreak(`it said ${kind} where an upload is answered`);
    body = Buffer.concat([body, chunk.subarray(at)]);
    if (body.length > maxRefusalBytes)
      throw new ProtocolBreak(`it sent an answer of more than ${maxRefusalBytes} bytes`);
  };
  return untilClosed(session, stream, signal, (resolve, reject) => {
    const fail = (error: unknown) => reject(error as Error);
    stream.on("data", (chunk: Buffer) => {
      session.taken(chunk.length);
      try {
        take(chunk);
      } catch (error) {
        fail(error);
      }
    });
    whenEnded(stream, () => {
      if (kind === undefined) fail(new ProtocolBreak("it ended an upload without an answer"));
      else resolve({ kind, body });
    });
  });
}
