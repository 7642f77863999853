/** A transport whose requests somebody is told of: `alcove --verbose`, or a program's own log. */
import type { Transport } from "./transport.js";

export interface RequestSeen {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** From 1; more where a call was repeated. */
  readonly attempt: number;
  /** To the head of the answer, or to the failure. */
  readonly durationMs: number;
  /** Undefined where no answer came; 101 for a WebSocket. */
  readonly status: number | undefined;
  /** What the server's log knows the request by. */
  readonly requestId: string | undefined;
  /** Why no answer came. */
  readonly failure: unknown;
}

type Answer = Pick<RequestSeen, "status" | "requestId">;
const socketStatus = 101;

export function observedTransport(transport: Transport, onRequest: (seen: RequestSeen) => void): Transport {
  const watch = async <Result>(
    request: Pick<RequestSeen, "method" | "path" | "attempt">,
    sent: Promise<Result>,
    answerOf: (result: Result) => Answer,
  ): Promise<Result> => {
    const startedAt = performance.now();
    const tell = (answer: Answer, failure?: unknown) =>
      onRequest({ ...request, ...answer, failure, durationMs: performance.now() - startedAt });
    try {
      const result = await sent;
      tell(answerOf(result));
      return result;
    } catch (failure) {
      tell({ status: undefined, requestId: undefined }, failure);
      throw failure;
    }
  };
  return {
    request: (request) =>
      watch(
        { method: request.method, path: request.path, attempt: request.attempt ?? 1 },
        transport.request(request),
        ({ status, headers }) => ({ status, requestId: headers["x-request-id"] }),
      ),
    openSocket: (path, signal) =>
      watch({ method: "GET", path, attempt: 1 }, transport.openSocket(path, signal), () => ({
        status: socketStatus,
        requestId: undefined,
      })),
    close: () => transport.close(),
  };
}
