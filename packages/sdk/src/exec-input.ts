/** The input of a running command. What `write` has answered for, the command has been given; nothing is sent twice. */
import { AlcoveError, writeStdin } from "@alcove/contract";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import type { SandboxAddress } from "./scope.js";
import type { Chunks } from "./transport.js";
import { untilAborted } from "./until-aborted.js";

export class ExecInput {
  readonly #address: SandboxAddress;
  readonly #execId: string;
  #last: Promise<void> = Promise.resolve();

  constructor(address: SandboxAddress, execId: string) {
    this.#address = address;
    this.#execId = execId;
  }

  /**
   * Fulfils when the command has taken it: input flows no faster than it is read. Writes keep their order. An
   * aborted one may have been given in part; what follows comes behind that part.
   */
  write(chunk: string | Uint8Array, options: Abortable = {}): Promise<void> {
    return this.#send(chunk, false, options);
  }

  /** Closes the input, after a last chunk if there is one. */
  end(chunk: string | Uint8Array = "", options: Abortable = {}): Promise<void> {
    return this.#send(chunk, true, options);
  }

  /** Writes everything and closes. A command that ends without reading it all is no error. */
  feed(content: string | Uint8Array | Chunks): void {
    this.#send(content, true, {}).catch((error: unknown) => {
      this.#last = Promise.reject(error);
      this.#last.catch(() => undefined);
    });
  }

  #send(body: string | Uint8Array | Chunks, close: boolean, { signal }: Abortable): Promise<void> {
    const { transport, params: sandbox } = this.#address;
    const params = { ...sandbox, execId: this.#execId };
    const send = async () => {
      signal?.throwIfAborted();
      try {
        await call(transport, writeStdin, { params, query: { close }, body, signal });
      } catch (error) {
        if (!(close && isOver(error))) throw error;
      }
    };
    const sent = this.#last.then(send);
    this.#last = sent.catch(() => undefined);
    return untilAborted(sent, signal);
  }
}

function isOver(error: unknown): boolean {
  return error instanceof AlcoveError && ["ExecEnded", "ExecNotFound", "StdinClosed"].includes(error.code);
}
