/** For tests: the file for exchange, which tells what happens to it, and on a disk that may be full. */
import { open } from "node:fs/promises";
import { type ExchangeFile, placeBytes, placesPerSlot } from "./exchange.js";

export class WatchedFile {
  /** The slots that were read or written. */
  readonly used = new Set<number>();
  /** The most that were written at once. */
  mostPieces = 0;
  freeBytes = Number.POSITIVE_INFINITY;
  /** What each write fails with. */
  fault: Error | undefined;
  /** Stands before each read and write. */
  gate: Gate | undefined;

  /** Forgets what happened; the disk has room. */
  reset(): void {
    this.used.clear();
    this.mostPieces = 0;
    this.freeBytes = Number.POSITIVE_INFINITY;
    this.fault = undefined;
    this.gate = undefined;
  }

  async open(path: string): Promise<ExchangeFile> {
    const file = await open(path, "r+");
    return {
      freeBytes: async () => this.freeBytes,
      handle: {
        writev: async (pieces, position) => {
          await this.#use(position);
          this.mostPieces = Math.max(this.mostPieces, pieces.length);
          if (this.fault !== undefined) throw this.fault;
          return file.writev(pieces, position);
        },
        read: async (into, offset, bytes, position) => {
          await this.#use(position);
          return file.read(into, offset, bytes, position);
        },
        truncate: (bytes) => file.truncate(bytes),
        close: () => file.close(),
      },
    };
  }

  async #use(position: number): Promise<void> {
    this.used.add(Math.floor(position / (placesPerSlot * placeBytes)));
    await this.gate?.pass();
  }
}

/** Holds whoever comes until it is opened. */
export class Gate {
  readonly reached: Promise<void>;
  readonly #opened: Promise<void>;
  #onReached = () => {};
  #onOpened = () => {};

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#onReached = resolve;
    });
    this.#opened = new Promise((resolve) => {
      this.#onOpened = resolve;
    });
  }

  async pass(): Promise<void> {
    this.#onReached();
    await this.#opened;
  }

  open(): void {
    this.#onOpened();
  }
}
