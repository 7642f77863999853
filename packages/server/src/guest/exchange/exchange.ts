/**
 * Carries large contents past the channel (agent/PROTOCOL.md, Exchange): through a file that the guest has as a disk. Its slots
 * go to one transfer at a time; a transfer that finds none goes through the channel.
 */
import type { FileHandle } from "node:fs/promises";

/** The layout, as the agent has it too. */
export const placeBytes = 4 * 1024 * 1024;
export const placesPerSlot = 4;
const slots = 4;
const slotBytes = placeBytes * placesPerSlot;
export const exchangeBytes = slotBytes * slots;

/** Opens the file; rejects where the machine has none. Called once, with the first large transfer. */
export type OpenExchange = () => Promise<FileHandle>;

export interface Slot {
  readonly number: number;
  /** Writes from the beginning of the transfer's place of that number; it may be counted on for ever. */
  fill(place: number, pieces: readonly Uint8Array[]): Promise<void>;
  /** Answers bytes of the transfer's place of that number. */
  fetch(place: number, offset: number, bytes: number): Promise<Buffer>;
  /** Call it when nothing of the transfer is under way any more. */
  release(): void;
}

export class Exchange {
  readonly #open: OpenExchange;
  readonly #free = Array.from({ length: slots }, (_, number) => number);
  #file: Promise<FileHandle | undefined> | undefined;
  /** What is under way with the file as a whole. */
  #settled: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(open: OpenExchange) {
    this.#open = open;
  }

  /** A slot; undefined where none is free, or where the machine has no such disk. */
  async claim(): Promise<Slot | undefined> {
    const number = this.#isClosed ? undefined : this.#free.pop();
    if (number === undefined) return undefined;
    this.#file ??= this.#open().catch(() => undefined);
    const file = await this.#file;
    await this.#settled;
    if (file !== undefined) return new FileSlot(file, number, () => this.#release(number));
    this.#release(number);
    return undefined;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#free.length === slots) await this.#closeFile();
  }

  #release(number: number): void {
    this.#free.push(number);
    if (this.#free.length < slots) return;
    if (this.#isClosed) void this.#closeFile().catch(() => undefined);
    else this.#settled = this.#settled.then(() => this.#empty());
  }

  /** What was carried is of no use any more, and takes room. */
  async #empty(): Promise<void> {
    try {
      const file = await this.#file;
      await file?.truncate(0);
      await file?.truncate(exchangeBytes);
    } catch {
      // A file that cannot be emptied still serves; the next transfer shows what is wrong with it.
    }
  }

  async #closeFile(): Promise<void> {
    await this.#settled;
    const file = await this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

class FileSlot implements Slot {
  readonly number: number;
  readonly release: () => void;
  readonly #file: FileHandle;

  constructor(file: FileHandle, number: number, release: () => void) {
    this.#file = file;
    this.number = number;
    this.release = release;
  }

  async fill(place: number, pieces: readonly Uint8Array[]): Promise<void> {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const { bytesWritten } = await this.#file.writev(pieces, this.#at(place));
    if (bytesWritten !== length) throw new Error(`the file for exchange took ${bytesWritten} of ${length} bytes`);
  }

  async fetch(place: number, offset: number, bytes: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(bytes);
    const { bytesRead } = await this.#file.read(buffer, 0, bytes, this.#at(place) + offset);
    if (bytesRead !== bytes) throw new Error(`the file for exchange gave ${bytesRead} of ${bytes} bytes`);
    return buffer;
  }

  #at(place: number): number {
    return this.number * slotBytes + (place % placesPerSlot) * placeBytes;
  }
}
