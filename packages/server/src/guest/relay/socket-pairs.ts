/** Two sockets that are connected to each other, of which one can be handed to another process: Node has no socketpair. */
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";

export interface SocketPair {
  /** Unread too, where that was asked for. */
  readonly near: Socket;
  /** Unread. */
  readonly far: Socket;
}

export class SocketPairs {
  readonly #path: string;
  #server: Server | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** Where nobody else may reach. */
  constructor(path: string) {
    this.#path = path;
  }

  /** One after the other: so it is known who is connected to whom. */
  make(options: { readonly isNearUnread?: boolean } = {}): Promise<SocketPair> {
    const pair = this.#turn.then(() => this.#make(options));
    this.#turn = pair.catch(() => {});
    return pair;
  }

  async close(): Promise<void> {
    await this.#turn;
    this.#server?.close();
    this.#server = undefined;
  }

  async #make({ isNearUnread = false }): Promise<SocketPair> {
    const server = this.#server ?? (await this.#listen());
    this.#server = server;
    const near = connect({ path: this.#path });
    if (isNearUnread) near.pause();
    const refused = new AbortController();
    near.once("error", (error) => refused.abort(error));
    try {
      const [[far]] = (await Promise.all([
        once(server, "connection", { signal: refused.signal }),
        once(near, "connect", { signal: refused.signal }),
      ])) as [[Socket], unknown];
      near.removeAllListeners("error");
      return { near, far };
    } catch (error) {
      near.destroy();
      throw refused.signal.aborted ? refused.signal.reason : error;
    }
  }

  async #listen(): Promise<Server> {
    rmSync(this.#path, { force: true });
    const server = createServer({ pauseOnConnect: true }).listen(this.#path);
    await once(server, "listening");
    // What is connected is kept by its own sockets.
    return server.unref();
  }
}
