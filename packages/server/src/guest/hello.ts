/**
 * The hello that opens each session of a stream (agent/PROTOCOL.md). The stream may still hold bytes of an ended session, so
 * everything is discarded, within bounds, until the answer to this very hello.
 */
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { Backoff } from "../lib/backoff.js";
import { withDeadline } from "../lib/deadline.js";
import { untilAborted } from "../lib/until-aborted.js";
import { ChannelLost, ProtocolBreak } from "./fault.js";
import type { OpenStream } from "./guest.js";

export const helloBytes = 48;
export const helloMagic = Buffer.from("ALCOVE-HELLO-01\n", "latin1");
export const readyMagic = Buffer.from("ALCOVE-READY-01\n", "latin1");

const discardLimitBytes = 64 * 1024 * 1024;

export interface Patience {
  readonly answerTimeoutMs: number;
  readonly tries: number;
}

export const usualPatience: Patience = { answerTimeoutMs: 2_000, tries: 5 };

export interface Hello {
  readonly name: "agent" | "host";
  readonly generation: number;
  readonly patience: Patience;
}

export interface Greeting {
  readonly stream: Duplex;
  readonly generation: bigint;
  readonly bootId: string;
}

/** Opens the stream and says hello until it is answered. */
export function openSession(open: OpenStream, hello: Hello, signal: AbortSignal): Promise<Greeting> {
  return untilGreeted(hello, signal, () => greet(open, hello, signal));
}

/** A hello can be lost as the tail of a broken session, so it is tried anew. */
export async function untilGreeted<T>({ name, patience }: Hello, signal: AbortSignal, greet: () => Promise<T>) {
  const { tries } = patience;
  const backoff = new Backoff({ firstMs: 10, lastMs: 200 });
  let last: unknown;
  for (let attempt = 0; attempt < tries; attempt++) {
    signal.throwIfAborted();
    if (attempt > 0) await backoff.wait(signal);
    try {
      return await greet();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ProtocolBreak) throw error;
      last = error;
    }
  }
  throw new ChannelLost(`no answer to ${tries} hellos on the stream ${name}`, { cause: last });
}

async function greet(open: OpenStream, { name, generation, patience }: Hello, signal: AbortSignal): Promise<Greeting> {
  using deadline = withDeadline(signal, patience.answerTimeoutMs);
  return await greetStream(await open(name, deadline.signal), generation, deadline.signal);
}

/** Says hello once, on a stream that is open, and destroys it where that is not answered. */
export async function greetStream(stream: Duplex, generation: number, signal: AbortSignal): Promise<Greeting> {
  try {
    const hello = encodeHello(generation);
    const written = writeAll(stream, hello);
    const answer = await findAnswer(stream, hello.subarray(16, 32), signal);
    // Node's HTTP/2 aborts the whole process when a write that it did not make ends after it has taken the socket over.
    await untilAborted(written, signal);
    return { stream, generation: answer.readBigUInt64BE(32), bootId: answer.toString("hex", 40, 48) };
  } catch (error) {
    stream.on("error", () => {});
    stream.destroy();
    throw error;
  }
}

function writeAll(stream: Duplex, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => stream.write(bytes, () => resolve()));
}

function encodeHello(generation: number): Buffer {
  const hello = Buffer.alloc(helloBytes);
  helloMagic.copy(hello);
  randomBytes(16).copy(hello, 16);
  hello.writeBigUInt64BE(BigInt(generation), 32);
  return hello;
}

/** Reads up to the answer and puts back what follows it: HTTP/2 begins there. */
function findAnswer(stream: Duplex, sessionId: Buffer, signal: AbortSignal): Promise<Buffer> {
  const wanted = Buffer.concat([readyMagic, sessionId]);
  return new Promise((resolve, reject) => {
    let kept: Buffer = Buffer.alloc(0);
    let seen = 0;
    const onReadable = () => {
      for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null) {
        seen += chunk.length;
        kept = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
        const at = kept.indexOf(wanted);
        if (at >= 0 && kept.length >= at + helloBytes) return succeed(at);
        if (seen > discardLimitBytes) return fail(new ProtocolBreak(`${seen} bytes came instead of a hello`));
        kept = kept.subarray(at >= 0 ? at : Math.max(0, kept.length - wanted.length + 1));
      }
    };
    const succeed = (at: number) => {
      stopListening();
      const rest = kept.subarray(at + helloBytes);
      if (rest.length > 0) stream.unshift(rest);
      resolve(kept.subarray(at, at + helloBytes));
    };
    const fail = (error: unknown) => {
      stopListening();
      reject(error);
    };
    const onEnd = () => fail(new ChannelLost(`the stream ended after ${seen} bytes, before an answer to the hello`));
    const onAbort = () => fail(signal.reason);
    const stopListening = () => {
      stream.off("readable", onReadable).off("end", onEnd).off("close", onEnd).off("error", fail);
      signal.removeEventListener("abort", onAbort);
    };
    stream.on("readable", onReadable).on("end", onEnd).on("close", onEnd).on("error", fail);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
