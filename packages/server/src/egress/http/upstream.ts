/** A connection to a server that a request can be sent on, whichever HTTP it speaks. */
import type { Duplex, Readable, Writable } from "node:stream";
import type { AnswerHead } from "../message/answer-head.js";
import type { HeaderList } from "../message/header-list.js";

export interface Upstream {
  /** Whether a request more can be sent on it now; where not, on another. */
  readonly hasRoom: boolean;
  /** @throws where the request cannot be sent as it is */
  send(request: UpstreamRequest, events: UpstreamEvents): UpstreamExchange;
}

export interface UpstreamRequest {
  readonly method: string;
  readonly scheme: "http" | "https";
  /** Host or :authority. */
  readonly authority: string;
  /** With its query. */
  readonly path: string;
  /** End to end; a Host among them is set to `authority`. */
  readonly headers: HeaderList;
  readonly hasBody: boolean;
  /** The program says so, with `TE: trailers`; gRPC's servers want to see it. */
  readonly takesTrailers: boolean;
  readonly isWebSocket: boolean;
}

export interface UpstreamAnswer extends AnswerHead {
  /** Undefined: it has none. */
  readonly body: Readable | undefined;
  trailers(): HeaderList;
}

/** Of `answered`, `switched` and `failed` at most one is called, once. */
export interface UpstreamEvents {
  informed(head: AnswerHead): void;
  answered(answer: UpstreamAnswer): void;
  switched(head: AnswerHead, stream: Duplex): void;
  /** Before an answer; later ones are errors of its body. */
  failed(error: Error): void;
}

export interface UpstreamExchange {
  /** The server's address, once it is known. */
  readonly address: string | undefined;
  readonly body: Writable;
  /** Of the answer's body these were passed on. */
  taken?(bytes: number): void;
  /** After the last of the body. */
  finish(trailers: HeaderList): void;
  abort(): void;
}
