/** A connection to a program that listens in a sandbox: bytes in both directions, each with an end of its own. */
import { connectPort, fromProblem, type PortReceive, type Problem } from "@alcove/contract";
import { ByteStream } from "./byte-stream.js";
import { pathOf } from "./call.js";
import { ConnectionError } from "./errors.js";
import type { SandboxAddress } from "./scope.js";
import type { TransportSocket } from "./transport.js";

/** In one message; the server takes no more than 1 MiB. */
const pieceBytes = 65_536;

export class PortConnection implements AsyncDisposable {
  /** What the program sends, until it ends its direction: to be read once. Not reading holds the program back. */
  readonly output: ByteStream;
  readonly #socket: TransportSocket;
  readonly #messages: AsyncIterator<string | Uint8Array>;
  #hasProgramEnded = false;
  #isEnded = false;

  /** Made by `sandbox.ports.connect`. */
  private constructor(socket: TransportSocket) {
    this.#socket = socket;
    this.#messages = socket.messages[Symbol.asyncIterator]();
    this.output = new ByteStream(this.#receive());
  }

  /** Fulfils when the program's side is there. */
  static async open(address: SandboxAddress, port: number, signal: AbortSignal | undefined): Promise<PortConnection> {
    const { transport, params } = address;
    const path = pathOf(connectPort, { ...params, port: String(port) });
    const connection = new PortConnection(await transport.openSocket(path, signal));
    try {
      const first = await connection.#next();
      if (typeof first === "string" && parsed(first).type === "connected") return connection;
      throw new ConnectionError(`The server did not connect to port ${port}.`, { isUnsent: false });
    } catch (error) {
      connection.#socket.close();
      throw error;
    }
  }

  /** Fulfils when there is room for more: a program that reads slowly holds this back. */
  async write(content: string | Uint8Array): Promise<void> {
    if (this.#isEnded)
      throw new TypeError("The connection's direction has been ended: nothing can be written any more.");
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    for (let at = 0; at < bytes.length; at += pieceBytes) await this.#socket.send(bytes.subarray(at, at + pieceBytes));
  }

  /** Ends this direction; what the program sends still comes. */
  async end(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    await this.#socket.send(JSON.stringify({ type: "end" }));
  }

  /** Leaves it. Where both directions have ended all that was written has arrived; else the program's side is broken off. */
  async close(): Promise<void> {
    // Its farewell is taken first: a socket that is closed unread may take back what was written last.
    if (this.#hasProgramEnded && this.#isEnded) await this.#messages.next().catch(() => undefined);
    this.#socket.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *#receive(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const message = await this.#next();
      if (typeof message !== "string") yield message;
      else if (parsed(message).type === "end") {
        this.#hasProgramEnded = true;
        return;
      }
    }
  }

  async #next(): Promise<string | Uint8Array> {
    const { value, done } = await this.#messages.next();
    if (done !== true) return value;
    throw new ConnectionError("The connection was closed before its end.", { isUnsent: false });
  }
}

/** Throws the error that a message tells. */
function parsed(text: string): PortReceive {
  const message = JSON.parse(text) as PortReceive;
  if (message.type === "error") throw fromProblem(message.problem as Problem);
  return message;
}
