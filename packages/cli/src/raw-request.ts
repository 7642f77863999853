/** One request over the daemon's socket, exactly as it was written. */
import { type IncomingMessage, request } from "node:http";
import { localSocketPath } from "alcove";

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  readonly signal: AbortSignal;
}

export function sendRaw({ body, ...options }: RawRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ ...options, socketPath: localSocketPath() })
      .once("response", resolve)
      .once("error", reject)
      .end(body);
  });
}
