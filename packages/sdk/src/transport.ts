/** How the SDK reaches a daemon. Everything above this interface runs wherever JavaScript does; what is Node's own is below it. */

export interface Transport {
  /** Sends a request and answers when the headers are there. ConnectionError where no answer came. */
  request(request: TransportRequest): Promise<TransportResponse>;
  /** Opens a WebSocket. An answer other than the upgrade is thrown as the error that it tells. */
  openSocket(path: string, signal?: AbortSignal): Promise<TransportSocket>;
  /** Closes idle connections. */
  close(): void;
}

export type Chunks = AsyncIterable<Uint8Array>;

export interface TransportRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | Chunks | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Counted from 1 where a call is repeated. */
  readonly attempt?: number | undefined;
}

export interface TransportResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Read to its end, or left early by ending the iteration: the connection is let go of either way. */
  readonly body: Chunks;
}

/** Messages come as they are asked for: a reader that waits holds the other side back. */
export interface TransportSocket {
  /** Ends when the socket was closed properly (code 1000); throws ConnectionError when it broke. */
  readonly messages: AsyncIterable<string | Uint8Array>;
  /** Text as a message of text, bytes as one of bytes. */
  send(message: string | Uint8Array): Promise<void>;
  close(): void;
}
