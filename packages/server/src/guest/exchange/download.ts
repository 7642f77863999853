/** Receiving a large body through the exchange, no faster than it is read. */
import type { ClientHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import { hasEnded } from "../answer.js";
import { openContent } from "../content.js";
import { CallDropped, ProtocolBreak } from "../fault.js";
import type { AgentSession } from "../session.js";
import { placeBytes, placesPerSlot, type Slot } from "./exchange.js";

/** What is read of a place at once. */
const pieceBytes = 512 * 1024;
const headerBytes = 4;
/** Of all places, and of the end. */
const maxSaidBytes = (placesPerSlot + 1) * headerBytes;
const placeFetched = Buffer.of(1);

export interface ExchangedAnswer {
  readonly stream: ClientHttp2Stream;
  /** Released when the content is closed. */
  readonly slot: Slot;
  readonly maximumBytes: number | undefined;
}

export function exchangedContent(session: AgentSession, answer: ExchangedAnswer, signal: AbortSignal): Readable {
  const { stream, slot } = answer;
  const pieces = piecesOf(session, answer);
  let step: Promise<void> = Promise.resolve();
  const failWith = async (error: unknown) => fail(await reasonOf(error, slot));
  const read = () => {
    step = pieces.next().then(({ value, done }) => void content.push(done === true ? null : value), failWith);
  };
  const onClose = (isWhole: boolean) => void step.then(() => slot.release(isWhole));
  const { content, fail } = openContent({ session, stream, highWaterMark: pieceBytes, read, onClose }, signal);
  return content;
}

/** Where the host's disk is full the guest's writes into the file fail, and it can do nothing but break off. */
async function reasonOf(error: unknown, slot: Slot): Promise<unknown> {
  return error instanceof ProtocolBreak ? error : ((await slot.hostFault()) ?? error);
}

async function* piecesOf(
  session: AgentSession,
  { stream, slot, maximumBytes = Number.POSITIVE_INFINITY }: ExchangedAnswer,
): AsyncGenerator<Buffer> {
  let received = 0;
  for await (const { place, length } of partsOf(session, stream)) {
    received += length;
    if (received > maximumBytes) throw new ProtocolBreak(`it sent more than ${maximumBytes} bytes of a file`);
    for (let at = 0; at < length; at += pieceBytes) {
      const piece = await slot.fetch(place, at, Math.min(pieceBytes, length - at));
      if (at + pieceBytes >= length) tellFetched(stream);
      yield piece;
    }
  }
  stream.end();
}

/** An agent that is told of its places hears it soon: it has none to go on with before. */
function tellFetched(stream: ClientHttp2Stream): void {
  if (stream.destroyed) return;
  stream.write(placeFetched);
  if (stream.writableLength > placesPerSlot) throw new ProtocolBreak("it fills places without hearing that it may");
}

/** The places as they are filled, one after the other; all but the last are whole. */
async function* partsOf(
  session: AgentSession,
  stream: ClientHttp2Stream,
): AsyncGenerator<{ readonly place: number; readonly length: number }> {
  let place = 0;
  let isLast = false;
  for await (const length of lengthsOf(session, stream)) {
    if (length > placeBytes) throw new ProtocolBreak(`it filled a place with ${length} bytes`);
    if (isLast) throw new ProtocolBreak("it went on after a place that was not full");
    isLast = length < placeBytes;
    yield { place, length };
    place++;
  }
}

/** What is said about the places; a length of 0 says that it was all. Never more of it comes at once than there are places. */
async function* lengthsOf(session: AgentSession, stream: ClientHttp2Stream): AsyncGenerator<number> {
  const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>;
  let rest = Buffer.alloc(0);
  try {
    for await (const chunk of chunks) {
      session.taken(chunk.length);
      rest = Buffer.concat([rest, chunk]);
      if (rest.length > maxSaidBytes) throw new ProtocolBreak(`it filled more than ${placesPerSlot} places`);
      for (; rest.length >= headerBytes; rest = rest.subarray(headerBytes)) {
        const length = rest.readUInt32BE();
        if (length === 0) return;
        yield length;
      }
    }
  } catch (error) {
    throw session.faultOf(error);
  }
  if (!hasEnded(stream)) throw session.faultOf(new CallDropped("a download broke off"));
  throw new ProtocolBreak("it ended a download without saying that it was all");
}
