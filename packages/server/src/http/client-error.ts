/** What came was no request that a route could answer: Node has no request object for it, only the connection. */
import type { Duplex } from "node:stream";
import { AlcoveError, toProblem } from "@alcove/contract";

/** Answers with a problem where an answer still has a place, and ends the connection. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Where TLS did not come about nothing can be sent: an end would wait for ever.
  const isHttp = /^(?:HPE|ERR_HTTP)_/.test(error.code ?? "");
  if (!isHttp || !socket.writable || isAnswering(socket)) return void socket.destroy();
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") return void endSurely(socket, head("408 Request Timeout", []));
  const problem = problemOf(error);
  const body = JSON.stringify(toProblem(problem));
  const headers = ["content-type: application/problem+json", `content-length: ${Buffer.byteLength(body)}`];
  const reason = problem.status === 431 ? "Request Header Fields Too Large" : "Bad Request";
  endSurely(socket, head(`${problem.status} ${reason}`, headers) + body);
}

/** Sends the last words; a client that neither reads them nor closes keeps no connection by it. */
export function endSurely(socket: Duplex, text: string): void {
  socket.end(text);
  setTimeout(() => socket.destroy(), politeMs).unref();
}

const politeMs = 1_000;

function problemOf({ code }: NodeJS.ErrnoException): AlcoveError {
  if (code === "HPE_HEADER_OVERFLOW") return new AlcoveError("HeadersTooLarge");
  return new AlcoveError("InvalidRequest", "What was sent is not HTTP.", {
    hint: "Look at the client, or what is between.",
  });
}

function head(status: string, headers: readonly string[]): string {
  return [`HTTP/1.1 ${status}`, ...headers, "connection: close", "", ""].join("\r\n");
}

/** Node keeps the answer that is under way on the connection: bytes of ours would end up in the middle of it. */
function isAnswering(socket: Duplex): boolean {
  const { _httpMessage: message } = socket as { _httpMessage?: { readonly headersSent: boolean } };
  return message?.headersSent === true;
}
