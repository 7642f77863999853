/** One request of the program and where its answer goes, whichever HTTP it speaks. */
import type { Duplex, Readable, Writable } from "node:stream";
import type { AnswerHead } from "../message/answer-head.js";
import type { HeaderList } from "../message/header-list.js";

export interface ProgramRequest {
  readonly method: string;
  /** Of HTTP: 1.1, 2. */
  readonly version: string;
  /** As it was sent: a path with its query, in HTTP/1 perhaps a whole URL. */
  readonly target: string;
  /** HTTP/2's :scheme. */
  readonly scheme: string | undefined;
  /** Whom the program says that it asks: all that it says. */
  readonly authorities: readonly string[];
  /** As they were sent; HTTP/2's own, which begin with a colon, left out. */
  readonly headers: HeaderList;
  /** Undefined: it has none. */
  readonly body: Readable | undefined;
  /** It asks to go on as a WebSocket. */
  readonly isWebSocket: boolean;
  /** Known when the body has ended. */
  trailers(): HeaderList;
  readonly answer: Answer;
}

export interface Answer {
  /** False as soon as nobody takes an answer any more. */
  readonly isOpen: boolean;
  readonly hasBegun: boolean;
  /** All of it has gone out. */
  readonly isWhole: boolean;
  /** A 1xx ahead of the answer. */
  inform(head: AnswerHead): void;
  /** @throws where the head cannot be sent as it is */
  begin(head: AnswerHead, hasBody: boolean): Writable;
  /** After the last of the body. */
  end(trailers: HeaderList): void;
  /** Answers a WebSocket with 101; from then on its bytes are the caller's. */
  switchProtocols(head: AnswerHead): Duplex;
  /** Cuts it off, so that the program sees that it is not whole; in HTTP/2 with this code. */
  reset(http2Code?: number): void;
  /** Called once, when it is over: sent, or the program is gone. */
  onClose(listener: () => void): void;
}
