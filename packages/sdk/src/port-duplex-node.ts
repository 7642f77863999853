/** A connection to a port as what Node's own libraries take in place of a socket. */
import { Duplex } from "node:stream";
import type { PortConnection } from "./port-connection.js";

/**
 * The connection as a stream of Node's, for clients that take one: databases, `http`, `ssh2`. It takes the connection over; each direction
 * ends by itself, as with `allowHalfOpen`.
 */
export function asDuplex(connection: PortConnection): Duplex {
  return new PortDuplex(connection);
}

const bufferBytes = 65_536;

class PortDuplex extends Duplex {
  readonly #connection: PortConnection;
  readonly #output: AsyncIterator<Uint8Array>;

  constructor(connection: PortConnection) {
    super({ allowHalfOpen: true, highWaterMark: bufferBytes });
    this.#connection = connection;
    this.#output = connection.output[Symbol.asyncIterator]();
  }

  override _read(): void {
    this.#output.next().then(
      ({ value, done }) => void this.push(done === true ? null : value),
      (error: Error) => this.destroy(error),
    );
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#connection.write(bytes).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void): void {
    this.#connection.end().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#connection.close().then(
      () => done(error),
      () => done(error),
    );
  }
}
