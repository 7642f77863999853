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

  /** Forgets what happened; the disk has room. */
  reset(): void {
    this.used.clear();
    this.mostPieces = 0;
    this.freeBytes = Number.POSITIVE_INFINITY;
    this.fault = undefined;
  }

  async open(path: string): Promise<ExchangeFile> {
    const file = await open(path, "r+");
    return {
      freeBytes: async () => this.freeBytes,
      handle: {
        writev: (pieces, position) => {
          this.#use(position);
          this.mostPieces = Math.max(this.mostPieces, pieces.length);
          return this.fault === undefined ? file.writev(pieces, position) : Promise.reject(this.fault);
        },
        read: (into, offset, bytes, position) => {
          this.#use(position);
          return file.read(into, offset, bytes, position);
        },
        truncate: (bytes) => file.truncate(bytes),
        close: () => file.close(),
      },
    };
  }

  #use(position: number): void {
    this.used.add(Math.floor(position / (placesPerSlot * placeBytes)));
  }
}
