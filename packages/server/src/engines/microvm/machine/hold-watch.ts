/**
 * QEMU pauses a machine whose disk cannot be written because the host's is full. This notices it, says so, and lets the
 * machine go on when there is room again: the write that failed is then done anew, and the guest never learns of it.
 */
import { z } from "zod";
import { freeSpace } from "../../../host/free-space.js";
import { waitFor } from "../../../lib/backoff.js";
import type { Qmp, QmpEvent } from "../qmp/qmp.js";

type Listener = (hold: { readonly reason: "DiskFull" } | undefined) => void;

/** Enough that the machine does not stop again at the next write. */
const roomToGoOnBytes = 64 * 1024 * 1024;
/** An escaped QEMU may say that it is held and goes on without end; each telling is a row in the daemon's database. */
const tellingPauseMs = 1_000;
const Status = z.object({ status: z.string() });

export class HoldWatch {
  readonly #qmp: Qmp;
  readonly #directory: string;
  readonly #listeners = new Set<Listener>();
  readonly #stop = new AbortController();
  #held = false;
  #told = false;
  #isContinuing = false;
  #pause: NodeJS.Timeout | undefined;

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
    if (this.#told) listener({ reason: "DiskFull" });
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    clearTimeout(this.#pause);
    this.#stop.abort(new Error("the machine is not watched any more"));
  }

  readonly #notice = ({ event, data }: QmpEvent): void => {
    if (event === "BLOCK_IO_ERROR" && data.action === "stop") this.#hold();
    if (event === "RESUME") this.#goesOn();
  };

  #hold(): void {
    if (this.#stop.signal.aborted) return;
    this.#held = true;
    this.#tell();
    if (!this.#isContinuing) void this.#continueWhileHeld().catch(() => undefined);
  }

  #goesOn(): void {
    this.#held = false;
    this.#tell();
  }

  /** At once, but for a pause after each telling: behind it only what has come of it by then is told. */
  #tell(): void {
    if (this.#told === this.#held || this.#pause !== undefined || this.#stop.signal.aborted) return;
    this.#told = this.#held;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#tell();
    }, tellingPauseMs).unref();
    for (const listener of this.#listeners) listener(this.#told ? { reason: "DiskFull" } : undefined);
  }

  /** Ends with the hold, or with the watch: by then there is nothing left to continue. */
  async #continueWhileHeld(): Promise<void> {
    const { signal } = this.#stop;
    this.#isContinuing = true;
    const goesOn = async () => {
      await this.#tryToContinue(signal).catch(() => undefined);
      if (this.#held) return undefined;
      this.#isContinuing = false;
      return true;
    };
    await waitFor(goesOn, signal, { firstMs: 250, lastMs: 2_000 });
  }

  /** A busy QEMU may answer too late: it is asked again. */
  async #tryToContinue(signal: AbortSignal): Promise<void> {
    if ((await freeSpace(this.#directory)).freeBytes <= roomToGoOnBytes) return;
    await this.#qmp.execute("cont", {}, signal);
  }
}
