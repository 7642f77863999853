/** The program's side of a connection: a stream of its sandbox's channel. */
import type { Duplex } from "node:stream";

export interface Program {
  /** What it sends and gets; its two directions end apart. */
  readonly stream: Duplex;
  /** Resets its connection. */
  reset(): void;
}

/** Whether it went without having ended both directions. */
export function wasReset({ stream }: Program): boolean {
  return !stream.readableEnded || !stream.writableFinished;
}
