/**
 * The guest's console. QEMU keeps the newest bytes in a ring and forgets them as they are read, so what was read is kept
 * here, within the same bound. Whatever the guest writes there costs nobody memory or disk.
 */
import { z } from "zod";
import type { Qmp } from "../qmp/qmp.js";
import { consoleBytes, consoleDevice } from "./command-line.js";

export class GuestConsole {
  readonly #qmp: Qmp;
  #kept: Uint8Array = new Uint8Array();

  constructor(qmp: Qmp) {
    this.#qmp = qmp;
  }

  /** The last bytes, at most 64 KiB; of a machine that has ended those that were read before. */
  async read(signal: AbortSignal): Promise<Uint8Array> {
    try {
      const request = { device: consoleDevice, size: consoleBytes, format: "base64" };
      const answer = z.string().parse(await this.#qmp.execute("ringbuf-read", request, signal));
      this.#kept = Buffer.concat([this.#kept, Buffer.from(answer, "base64")]).subarray(-consoleBytes);
    } catch (error) {
      if (!this.#qmp.isClosed) throw error;
    }
    return this.#kept;
  }
}
