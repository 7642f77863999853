/**
 * Carries large contents past the channel (agent/PROTOCOL.md, Exchange): through a file that the guest has as a disk. Its slots
 * go to one transfer at a time; a transfer that finds none goes through the channel.
 */
import { AlcoveError } from "@alcove/contract";
import { withoutFirst } from "./pieces.js";

/** The layout, as the agent has it too. */
export const placeBytes = 4 * 1024 * 1024;
export const placesPerSlot = 4;
const slots = 4;
const slotBytes = placeBytes * placesPerSlot;
export const exchangeBytes = slotBytes * slots;

/** What is needed of a FileHandle. */
export interface ExchangeHandle {
  writev(pieces: readonly Uint8Array[], position: number): Promise<{ readonly bytesWritten: number }>;
  read(into: Buffer, offset: number, bytes: number, position: number): Promise<{ readonly bytesRead: number }>;
  truncate(bytes: number): Promise<void>;
  close(): Promise<void>;
}

export interface ExchangeFile {
  readonly handle: ExchangeHandle;
  /** How much room there is where it lies. */
  freeBytes(): Promise<number>;
}

/** Opens the file; rejects where the machine has none. Called once, with the first large transfer. */
export type OpenExchange = () => Promise<ExchangeFile>;

export interface Slot {
  readonly number: number;
  /** Writes from the beginning of the transfer's place of that number; it may be counted on for ever. */
  fill(place: number, pieces: readonly Uint8Array[]): Promise<void>;
  /** Answers bytes of the transfer's place of that number. */
  fetch(place: number, offset: number, bytes: number): Promise<Buffer>;
  /** DiskFull where the host's disk has less room than a transfer may need: the guest cannot put anything into the file then. */
  hostFault(): Promise<AlcoveError | undefined>;
  /**
   * Call it once, when nothing of the transfer is under way any more. A slot whose transfer was not finished goes last: the agent may
   * hang in that transfer, and has the slot as long.
   */
  release(isFinished?: boolean): void;
  /** The same for a transfer that went through the channel all the same: nothing of it lies here. */
  leave(): void;
}

export class Exchange {
  readonly #open: OpenExchange;
  readonly #free = Array.from({ length: slots }, (_, number) => number);
  #file: Promise<ExchangeFile | undefined> | undefined;
  /** What is under way with the file as a whole. */
  #settled: Promise<void> = Promise.resolve();
  #isClosed = false;
  /** Something lies in the file. */
  #isUsed = false;

  constructor(open: OpenExchange) {
    this.#open = open;
  }

  /** A slot; undefined where none is free, the host's disk is all but full, or the machine has no such disk. */
  async claim(): Promise<Slot | undefined> {
    const number = this.#isClosed ? undefined : this.#free.pop();
    if (number === undefined) return undefined;
    const file = await this.#usable();
    if (file === undefined) {
      this.#release(number, true);
      return undefined;
    }
    return new FileSlot(file, number, ({ isFinished, isUsed }) => {
      this.#isUsed ||= isUsed;
      this.#release(number, isFinished);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#free.length === slots) await this.#closeFile();
  }

  /** A disk that is full can still be read: what is in a sandbox can be fetched through its channel. */
  async #usable(): Promise<ExchangeFile | undefined> {
    this.#file ??= this.#open().catch(() => undefined);
    const file = await this.#file;
    await this.#settled;
    return file !== undefined && (await hasRoom(file)) ? file : undefined;
  }

  #release(number: number, isFinished: boolean): void {
    if (isFinished) this.#free.push(number);
    else this.#free.unshift(number);
    if (this.#free.length < slots) return;
    if (this.#isClosed) void this.#closeFile().catch(() => undefined);
    else if (this.#isUsed) this.#settled = this.#settled.then(() => this.#empty());
    this.#isUsed = false;
  }

  /** What was carried is of no use any more, and takes room. */
  async #empty(): Promise<void> {
    try {
      const file = await this.#file;
      await file?.handle.truncate(0);
      await file?.handle.truncate(exchangeBytes);
    } catch {
      // A file that cannot be emptied still serves; the next transfer shows what is wrong with it.
    }
  }

  async #closeFile(): Promise<void> {
    await this.#settled;
    const file = await this.#file;
    this.#file = undefined;
    await file?.handle.close();
  }
}

async function hasRoom(file: ExchangeFile): Promise<boolean> {
  return (await file.freeBytes().catch(() => 0)) >= exchangeBytes;
}

class FileSlot implements Slot {
  readonly number: number;
  readonly #file: ExchangeFile;
  readonly #onRelease: (how: { readonly isFinished: boolean; readonly isUsed: boolean }) => void;

  constructor(
    file: ExchangeFile,
    number: number,
    onRelease: (how: { readonly isFinished: boolean; readonly isUsed: boolean }) => void,
  ) {
    this.#file = file;
    this.number = number;
    this.#onRelease = onRelease;
  }

  release(isFinished = false): void {
    this.#onRelease({ isFinished, isUsed: true });
  }

  leave(): void {
    this.#onRelease({ isFinished: true, isUsed: false });
  }

  async fill(place: number, pieces: readonly Uint8Array[]): Promise<void> {
    let position = this.#at(place);
    // What was cut short tells its reason when the rest is tried.
    for (let rest = pieces; rest.length > 0; ) {
      const { bytesWritten } = await this.#file.handle.writev(rest, position).catch(refuseFull);
      if (bytesWritten === 0) throw new Error("the file for exchange takes nothing");
      position += bytesWritten;
      rest = withoutFirst(rest, bytesWritten);
    }
  }

  async fetch(place: number, offset: number, bytes: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(bytes);
    const { bytesRead } = await this.#file.handle.read(buffer, 0, bytes, this.#at(place) + offset);
    if (bytesRead !== bytes) throw new Error(`the file for exchange gave ${bytesRead} of ${bytes} bytes`);
    return buffer;
  }

  async hostFault(): Promise<AlcoveError | undefined> {
    return (await hasRoom(this.#file)) ? undefined : hostFull("from");
  }

  #at(place: number): number {
    return this.number * slotBytes + (place % placesPerSlot) * placeBytes;
  }
}

function refuseFull(error: NodeJS.ErrnoException): never {
  if (error.code !== "ENOSPC" && error.code !== "EDQUOT") throw error;
  throw hostFull("to", error);
}

function hostFull(direction: "from" | "to", cause?: Error): AlcoveError {
  const sentence = `The disk of the host is full: the content could not be passed ${direction} the sandbox.`;
  return new AlcoveError("DiskFull", sentence, cause === undefined ? {} : { cause });
}
