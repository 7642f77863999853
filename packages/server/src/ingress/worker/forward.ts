/** A request to the program and its answer back, as they flow; and the same for what becomes a WebSocket. */
import { type ClientRequest, type IncomingMessage, request as requestOf } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream";
import type { Admitted, Coming } from "./admission.js";
import { withoutPass } from "./admission.js";
import type { ProgramConnections } from "./connections.js";
import { headersToProgram } from "./request-headers.js";
import { headersToVisitor } from "./response-headers.js";
import { TwoValues } from "./two-values.js";
import type { VisitAnswer, VisitRequest } from "./visit-request.js";

export interface Forwarding extends Coming {
  readonly admitted: Admitted;
  readonly connections: ProgramConnections;
  /** How long a program may take to begin its answer. */
  readonly patienceMs: number;
}

/** Fulfils when all is over. Rejects where no answer has begun. */
export function forwardRequest(forwarding: Forwarding, visitor: VisitAnswer): Promise<void> {
  const { request } = forwarding;
  return new Promise((resolve, reject) => {
    if (visitor.body.destroyed) return resolve();
    const outgoing = open(forwarding, false);
    const timer = patience(outgoing, forwarding.patienceMs);
    let isAnswered = false;
    const stopSending = () => {
      request.body.unpipe(outgoing);
      visitor.takeNoMore();
    };
    const fail = (error: Error) => {
      clearTimeout(timer);
      stopSending();
      reject(error);
    };
    // A program may answer without having taken everything, and whether the answer is whole it says by itself.
    outgoing.once("error", (error) => {
      if (!isAnswered) fail(error);
    });
    // Without an error where the program changes to a protocol that nobody asked for.
    outgoing.once("close", () => {
      if (!isAnswered) fail(noAnswer());
      else if (hasBody(request) && !request.body.readableEnded) stopSending();
    });
    outgoing.once("response", (answer) => {
      isAnswered = true;
      if (!isAnswer(answer)) {
        outgoing.destroy();
        fail(noAnswer());
        return;
      }
      clearTimeout(timer);
      try {
        visitor.begin(answer.statusCode ?? 502, ownHeaders(forwarding, answer), answer.statusMessage);
      } catch (error) {
        outgoing.destroy();
        fail(error instanceof TwoValues ? error : noAnswer());
        return;
      }
      pipeline(answer, visitor.body, (error) => {
        if (error) visitor.breakOff();
        resolve();
      });
    });
    visitor.body.once("close", () => {
      if (!visitor.body.writableFinished) outgoing.destroy();
      resolve();
    });
    sendBody(request, outgoing);
  });
}

/** Fulfils when the WebSocket is over, or the program has answered without one. Rejects where no answer has begun. */
export function forwardUpgrade(
  forwarding: Forwarding,
  { socket, head }: { socket: Duplex; head: Buffer },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = open(forwarding, true);
    const timer = patience(outgoing, forwarding.patienceMs);
    socket.once("close", () => {
      outgoing.destroy();
      resolve();
    });
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    outgoing.once("error", fail);
    outgoing.once("upgrade", (answer: IncomingMessage, connection: Duplex, first: Buffer) => {
      clearTimeout(timer);
      if (!isReason(answer.statusMessage)) {
        connection.destroy();
        fail(noAnswer());
        return;
      }
      socket.write(
        headOf(answer, [...ownHeaders(forwarding, answer), "connection", "upgrade", "upgrade", "websocket"]),
      );
      if (first.length > 0) socket.write(first);
      if (head.length > 0) connection.write(head);
      pipeline(connection, socket, connection, () => {
        connection.destroy();
        socket.destroy();
      });
    });
    outgoing.once("response", (answer) => {
      clearTimeout(timer);
      if (!isAnswer(answer)) {
        outgoing.destroy();
        fail(noAnswer());
        return;
      }
      socket.write(headOf(answer, [...ownHeaders(forwarding, answer), "connection", "close"]));
      pipeline(answer, socket, () => socket.destroy());
    });
    outgoing.end();
  });
}

/** Node's parser takes status lines that its server does not write. */
function isAnswer({ statusCode = 0, statusMessage }: IncomingMessage): boolean {
  return statusCode >= 200 && isReason(statusMessage);
}

function isReason(text = ""): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

function noAnswer(): Error {
  return Object.assign(new Error("no answer in HTTP/1.1"), { code: "HPE_INVALID_STATUS" });
}

function open({ request, visitor, place, connections, admitted }: Forwarding, isWebSocket: boolean): ClientRequest {
  const { rawHeaders, method } = request;
  const headers = headersToProgram({ rawHeaders, visitor, prefix: place.prefix, isWebSocket, person: admitted.person });
  const options = { method, path: withoutPass(place.target).target, agent: connections, setHost: false };
  const outgoing = requestOf({ ...options, headers: headers as never, host: "program", port: place.port });
  outgoing.on("error", () => {});
  return outgoing;
}

export function hasBody({ headers }: VisitRequest): boolean {
  return headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
}

function sendBody(request: VisitRequest, outgoing: ClientRequest): void {
  if (!hasBody(request)) {
    outgoing.end();
    return;
  }
  request.body.pipe(outgoing);
  request.body.once("aborted", () => outgoing.destroy());
}

function patience(outgoing: ClientRequest, patienceMs: number): NodeJS.Timeout {
  return setTimeout(
    () => outgoing.destroy(Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" })),
    patienceMs,
  );
}

function ownHeaders(forwarding: Forwarding, { rawHeaders }: IncomingMessage): string[] {
  const { visitor, place, port, request, admitted } = forwarding;
  const about = { prefix: place.prefix, port: port.port, cors: port.cors, framers: admitted.framers };
  return headersToVisitor({ rawHeaders, visitor, ...about, origin: request.headers.origin });
}

function headOf({ statusCode = 502, statusMessage = "" }: IncomingMessage, headers: readonly string[]): Buffer {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}
