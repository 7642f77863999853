/** The newest output of one exec, by offset, with the agent's rules for who waits for whom (agent/PROTOCOL.md). */
import { setImmediate as turnOfEventLoop } from "node:timers/promises";
import { Change } from "../../lib/change.js";
import { withDeadline } from "../../lib/deadline.js";

export type Stream = "stdout" | "stderr";

export interface Piece {
  readonly stream: Stream;
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly unixMs: number;
}

/** The machine stood still when the output had come to an offset. */
export interface Interruption {
  readonly offset: number;
  readonly stoppedAtUnixMs: number;
  readonly resumedAtUnixMs: number;
}

const journalBytes = 1024 * 1024;
const viewerPatienceMs = 1_000;
const longestTimerMs = 2_147_483_647;

export class Journal {
  readonly counts = { stdout: 0, stderr: 0 };
  readonly dropped = { stdout: 0, stderr: 0 };
  readonly #limit: number | undefined;
  readonly #isTerminal: boolean;
  readonly #change = new Change();
  readonly #readers = new Set<{ offset: number; isLate: boolean }>();
  #pieces: Piece[] = [];
  readonly #interruptions: Interruption[] = [];
  #first = 0;
  #next = 0;
  #isComplete = false;

  /** With a limit so many bytes of each stream are kept, and nobody ever waits; nor, of a terminal, for one of several readers who is late. */
  constructor(limit: number | undefined, { isTerminal = false }: { readonly isTerminal?: boolean } = {}) {
    this.#limit = limit;
    this.#isTerminal = isTerminal;
  }

  /** Takes a turn of the event loop: a program that never ends to write runs in the daemon's own process. */
  async append(stream: Stream, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await turnOfEventLoop();
    signal.throwIfAborted();
    const kept = this.#limit === undefined ? bytes : bytes.subarray(0, Math.max(0, this.#limit - this.counts[stream]));
    this.dropped[stream] += bytes.length - kept.length;
    if (kept.length === 0) return;
    if (this.#limit === undefined) await this.#untilRoom(kept.length, signal);
    this.#pieces.push({ stream, offset: this.#next, bytes: kept, unixMs: Date.now() });
    this.counts[stream] += kept.length;
    this.#next += kept.length;
    this.#trim();
    this.#change.announce();
  }

  interrupt(stoppedAtUnixMs: number): void {
    this.#interruptions.push({ offset: this.#next, stoppedAtUnixMs, resumedAtUnixMs: Date.now() });
    this.#change.announce();
  }

  complete(): void {
    this.#isComplete = true;
    this.#change.announce();
  }

  /** Yields pieces from an offset on, and gaps, until the output is complete. Nobody waits for one who looks on. */
  async *read(
    from: number,
    signal: AbortSignal,
    { isLookingOn = false }: { readonly isLookingOn?: boolean } = {},
  ): AsyncGenerator<Piece | Interruption | { readonly from: number; readonly to: number }> {
    const reader = { offset: Math.min(from, this.#next), isLate: false };
    let told = this.#interruptions.filter(({ offset }) => offset < reader.offset).length;
    const owed = () => this.#interruptions[told];
    if (!isLookingOn) this.#readers.add(reader);
    try {
      for (;;) {
        const hasNews = () => reader.offset < this.#next || owed() !== undefined || this.#isComplete;
        await this.#change.until(hasNews, signal);
        const interruption = owed();
        if (interruption !== undefined && interruption.offset <= reader.offset) {
          told++;
          yield interruption;
          continue;
        }
        if (reader.offset === this.#next) return;
        if (reader.offset < this.#first) {
          const gap = { from: reader.offset, to: this.#first };
          reader.offset = gap.to;
          yield gap;
          continue;
        }
        const piece = this.#pieces.find(({ offset, bytes }) => offset + bytes.length > reader.offset);
        if (piece === undefined) continue;
        const until = Math.min(piece.offset + piece.bytes.length, interruption?.offset ?? Number.POSITIVE_INFINITY);
        const bytes = piece.bytes.subarray(reader.offset - piece.offset, until - piece.offset);
        yield { ...piece, offset: reader.offset, bytes };
        reader.offset = until;
        reader.isLate &&= this.#next - until > journalBytes / 2;
        this.#change.announce();
      }
    } finally {
      this.#readers.delete(reader);
      this.#change.announce();
    }
  }

  #mustWait(bytes: number): boolean {
    if (this.#readers.size === 0) return false;
    const behind = this.#next - this.#awaited();
    return behind > 0 && behind + bytes > journalBytes;
  }

  /** How far the slowest is whom the program waits for. */
  #awaited(): number {
    const awaited = [...this.#readers].filter(({ isLate }) => !isLate);
    return Math.min(this.#next, ...awaited.map(({ offset }) => offset));
  }

  async #untilRoom(bytes: number, signal: AbortSignal): Promise<void> {
    while (this.#mustWait(bytes)) {
      const slowest = this.#awaited();
      using deadline = withDeadline(signal, this.#isTerminal ? viewerPatienceMs : longestTimerMs);
      const hasMoved = () => !this.#mustWait(bytes) || this.#awaited() !== slowest;
      await this.#change.until(hasMoved, deadline.signal).catch((error: unknown) => {
        if (!deadline.expired) throw error;
        if (this.#isTerminal) this.#letGoOf(slowest);
      });
    }
  }

  /** Where somebody else has taken all there is. */
  #letGoOf(slowest: number): void {
    const readers = [...this.#readers];
    if (!readers.some(({ offset }) => offset === this.#next)) return;
    for (const reader of readers) reader.isLate ||= reader.offset === slowest;
  }

  #trim(): void {
    const capacity = this.#limit === undefined ? journalBytes : Number.POSITIVE_INFINITY;
    const owed = this.#awaited();
    while (this.#pieces.length > 1) {
      const end = this.#pieces[1]?.offset ?? 0;
      if (this.#next - this.#first <= capacity || end > owed) return;
      this.#pieces.shift();
      this.#first = end;
    }
  }
}
