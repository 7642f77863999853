/** A connection to a server that a request can be sent on, whichever HTTP it speaks. */
import type { Duplex, Readable, Writable } from "node:stream";
import type { HeaderList } from "./header-list.js";
import type { AnswerHead } from "./program-request.js";

export interface Upstream {
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
  /** After the last of the body. */
  finish(trailers: HeaderList): void;
  abort(): void;
}
