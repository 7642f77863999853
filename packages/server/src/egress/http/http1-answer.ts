import type { ServerResponse } from "node:http";
import type { Duplex, Writable } from "node:stream";
import { groupedHeaders } from "../../lib/grouped-headers.js";
import type { AnswerHead } from "../message/answer-head.js";
import { type HeaderList, rawHeadersOf } from "../message/header-list.js";
import type { Answer } from "./program-request.js";

export class Http1Answer implements Answer {
  readonly #response: ServerResponse;
  readonly #stream: Duplex | null;
  readonly #cutOff: () => void;
  readonly #closeListeners: (() => void)[] = [];
  #isSwitched = false;
  #isClosed = false;

  /** `cutOff` resets the whole connection: HTTP/1 knows no other way. */
  constructor(response: ServerResponse, cutOff: () => void) {
    this.#response = response;
    this.#stream = response.req.socket;
    this.#cutOff = cutOff;
    response.once("finish", () => this.close());
  }

  get isOpen(): boolean {
    return !this.#isSwitched && !this.#isClosed && !this.#response.writableEnded && this.#stream?.destroyed === false;
  }

  get hasBegun(): boolean {
    return this.#response.headersSent;
  }

  get isWhole(): boolean {
    return this.#response.writableFinished;
  }

  /** Others than these Node has no means to send, and clients no use for. */
  inform({ status, headers }: AnswerHead): void {
    if (status === 100) this.#response.writeContinue();
    else if (status === 102) this.#response.writeProcessing();
    else if (status === 103) this.#response.writeEarlyHints(groupedHeaders(headers));
  }

  begin({ status, reason, headers, isLast = false }: AnswerHead): Writable {
    const response = this.#response;
    response.sendDate = false;
    response.writeHead(status, reason, rawHeadersOf(isLast ? [...headers, ["Connection", "close"]] : headers));
    // With the first of the body, when that comes at once.
    setImmediate(() => {
      if (!response.writableEnded && !response.destroyed && response.writableLength === 0) response.flushHeaders();
    });
    return response;
  }

  end(trailers: HeaderList): void {
    if (trailers.length > 0) this.#response.addTrailers(trailers);
    this.#response.end();
  }

  switchProtocols({ status, reason, headers }: AnswerHead): Duplex {
    const stream = this.#stream;
    if (stream === null) throw new Error("the program is gone");
    this.#isSwitched = true;
    this.#response.detachSocket(this.#response.req.socket);
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    stream.write(Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${lines}\r\n`, "latin1"));
    return stream;
  }

  reset(): void {
    this.#cutOff();
  }

  onClose(listener: () => void): void {
    if (this.#isClosed) process.nextTick(listener);
    else this.#closeListeners.push(listener);
  }

  /** The answer has gone out, or there is no connection any more. */
  close(): void {
    this.#isClosed = true;
    for (const listener of this.#closeListeners.splice(0)) listener();
  }
}
