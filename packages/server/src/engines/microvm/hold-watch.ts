/**
 * QEMU pauses a machine whose disk cannot be written because the host's is full. This notices it, says so, and lets the
 * machine go on when there is room again: the write that failed is then done anew, and the guest never learns of it.
 */
import { z } from "zod";
import { freeSpace } from "../../host/free-space.js";
import { waitFor } from "../../lib/backoff.js";
import type { Qmp, QmpEvent } from "./qmp.js";

type Listener = (hold: { readonly reason: "DiskFull" } | undefined) => void;

/** Enough that the machine does not stop again at the next write. */
const roomToGoOnBytes = 64 * 1024 * 1024;
const Status = z.object({ status: z.string() });

export class HoldWatch {
  readonly #qmp: Qmp;
  readonly #directory: string;
  readonly #listeners = new Set<Listener>();
  readonly #stop = new AbortController();
  #held = false;

  constructor(qmp: Qmp, directory: string) {
    this.#qmp = qmp;
    this.#directory = directory;
    qmp.onEvent(this.#notice);
  }

  /** For a machine that may have been held while nobody watched. */
  async look(signal: AbortSignal): Promise<void> {
    const { status } = Status.parse(await this.#qmp.execute("query-status", {}, signal));
    if (status === "io-error") this.#hold();
  }

  onHold(listener: Listener): () => void {
    this.#listeners.add(listener);
    if (this.#held) listener({ reason: "DiskFull" });
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#stop.abort(new Error("the machine is not watched any more"));
  }

  readonly #notice = ({ event, data }: QmpEvent): void => {
    if (event === "BLOCK_IO_ERROR" && data.action === "stop") this.#hold();
    if (event === "RESUME") this.#goesOn();
  };

  #hold(): void {
    if (this.#held || this.#stop.signal.aborted) return;
    this.#held = true;
    for (const listener of this.#listeners) listener({ reason: "DiskFull" });
    void this.#continueWhenThereIsRoom().catch(() => undefined);
  }

  #goesOn(): void {
    if (!this.#held) return;
    this.#held = false;
    for (const listener of this.#listeners) listener(undefined);
  }

  /** Ends with the watch: by then there is nothing left to continue. */
  async #continueWhenThereIsRoom(): Promise<void> {
    const { signal } = this.#stop;
    const wentOn = async () => (await this.#tryToContinue(signal).catch(() => false)) || undefined;
    await waitFor(wentOn, signal, { firstMs: 250, lastMs: 2_000 });
  }

  /** A busy QEMU may answer too late: it is asked again. */
  async #tryToContinue(signal: AbortSignal): Promise<boolean> {
    if ((await freeSpace(this.#directory)).freeBytes <= roomToGoOnBytes) return false;
    await this.#qmp.execute("cont", {}, signal);
    return true;
  }
}
