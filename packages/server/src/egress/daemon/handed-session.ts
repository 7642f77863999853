/** A session of a sandbox's channel that the gateway's process serves; the daemon knows no more of it than that it is there. */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { ChannelLost } from "../../guest/fault.js";
import type { Session } from "../../guest/link.js";

export interface Handing {
  readonly id: number;
  readonly sandboxId: string;
  readonly generation: number;
}

export class HandedSession implements Session {
  readonly ended: Promise<Error>;
  readonly handing: Handing;
  #stream: Duplex | undefined;
  #isOver = false;
  #settle: (fault: Error) => void = () => {};
  readonly #onEnd: () => void;

  /** `onEnd` is called when it is to be ended and was handed over already. */
  constructor(stream: Duplex, handing: Handing, onEnd: () => void) {
    this.handing = handing;
    this.#stream = stream;
    this.#onEnd = onEnd;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    stream.on("error", () => {});
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isHanded(): boolean {
    return this.#stream === undefined;
  }

  /** The socket, once; undefined where there is none that another process could take. */
  takeSocket(): Socket | undefined {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream instanceof Socket && !stream.destroyed) return stream;
    stream?.destroy();
    this.over(new ChannelLost("its stream cannot be handed over"));
    return undefined;
  }

  end(fault: Error): void {
    if (this.#isOver) return;
    // What the process makes of it is not waited for: nothing of ours hangs on it.
    if (this.#stream === undefined) this.#onEnd();
    else this.#stream.destroy();
    this.over(fault);
  }

  /** It is gone. */
  over(fault: Error): void {
    this.#isOver = true;
    this.#settle(fault);
  }
}
