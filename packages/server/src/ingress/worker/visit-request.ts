/** A request and where its answer goes, whichever HTTP it came by. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Readable, Writable } from "node:stream";
import type { TLSSocket } from "node:tls";
import { headersOf } from "../../lib/grouped-headers.js";

export interface VisitRequest {
  readonly method: string;
  /** As the request line has it. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly headerValues: NodeJS.Dict<string[]>;
  /** Name, value, name, value. */
  readonly rawHeaders: readonly string[];
  readonly remoteAddress: string | undefined;
  readonly isTls: boolean;
  /** Emits `aborted` where it breaks off. */
  readonly body: Readable;
}

export interface VisitAnswer {
  readonly body: Writable;
  readonly hasBegun: boolean;
  /** Headers as name, value, name, value. Throws where there is no such answer. */
  begin(status: number, headers: readonly string[], reason?: string): void;
  /** It never looks whole. */
  breakOff(): void;
  /** What still comes of the request is thrown away until the answer is out; by HTTP/2 nothing comes from then on. */
  takeNoMore(): void;
}

export function requestOfHttp1(request: IncomingMessage): VisitRequest {
  const { method = "", url = "", headers, rawHeaders, socket } = request;
  const isTls = (socket as Partial<TLSSocket>).encrypted === true;
  return {
    method,
    url,
    headers,
    headerValues: headersOf(request),
    rawHeaders,
    remoteAddress: socket.remoteAddress,
    isTls,
    body: request,
  };
}

export function answerOfHttp1(response: ServerResponse): VisitAnswer {
  return {
    body: response,
    get hasBegun() {
      return response.headersSent;
    },
    begin(status, headers, reason) {
      if (reason === undefined) response.writeHead(status, headers as string[]);
      else response.writeHead(status, reason, headers as string[]);
      response.flushHeaders();
    },
    breakOff: () => void response.destroy(),
    takeNoMore: () => void response.req.resume(),
  };
}
