/**
 * One output of an interpreter that is used again and again: the part of it that belongs to the snippet that runs ends with a
 * mark. The mark is new and random each time, so that nothing a snippet prints ends it early.
 */
export interface Capture {
  readonly limitBytes: number;
  /** Undefined: everything until the stream's end. */
  readonly mark: string | undefined;
  readonly onText: ((text: string) => void) | undefined;
}

export interface Captured {
  readonly text: string;
  /** All of it, kept or not. */
  readonly bytes: number;
  readonly isTruncated: boolean;
  /** The mark has come; else the stream has ended. */
  readonly isMarked: boolean;
}

/** What comes while no snippet runs is the next one's, up to here. */
const maximumIdleBytes = 65_536;

export class MarkedOutput {
  #capture: OpenCapture | undefined;
  #idle: Uint8Array = new Uint8Array();
  #isEnded = false;
  /** Fulfils when the stream has ended, however it did. */
  readonly ended: Promise<void>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.ended = this.#read(source);
  }

  /** Everything from here on, until its mark or the stream's end. */
  capture(options: Capture): Promise<Captured> {
    return new Promise((resolve) => {
      this.#capture = new OpenCapture(options, resolve);
      this.#take(this.#idle);
      this.#idle = new Uint8Array();
      if (this.#isEnded) this.#finish();
    });
  }

  async #read(source: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of source) this.#take(chunk);
    } catch {
      // The end of the exec tells what happened.
    } finally {
      this.#isEnded = true;
      this.#finish();
    }
  }

  #take(chunk: Uint8Array): void {
    if (this.#capture === undefined) {
      this.#idle = joined(this.#idle, chunk).slice(0, maximumIdleBytes);
      return;
    }
    const rest = this.#capture.take(chunk);
    if (rest === undefined) return;
    this.#capture = undefined;
    this.#idle = rest.slice(0, maximumIdleBytes);
  }

  #finish(): void {
    this.#capture?.end();
    this.#capture = undefined;
  }
}

class OpenCapture {
  readonly #options: Capture;
  readonly #mark: Uint8Array | undefined;
  readonly #done: (captured: Captured) => void;
  readonly #decoder = new TextDecoder();
  #text = "";
  #bytes = 0;
  /** The beginning of a mark, perhaps. */
  #held: Uint8Array = new Uint8Array();

  constructor(options: Capture, done: (captured: Captured) => void) {
    this.#options = options;
    this.#mark = options.mark === undefined ? undefined : new TextEncoder().encode(`\0${options.mark}\0`);
    this.#done = done;
  }

  /** Answers what stands behind the mark, when it has come. */
  take(chunk: Uint8Array): Uint8Array | undefined {
    if (this.#mark === undefined) {
      this.#keep(chunk);
      return undefined;
    }
    const bytes = joined(this.#held, chunk);
    const at = indexOf(bytes, this.#mark);
    this.#keep(bytes.subarray(0, at));
    this.#held = bytes.slice(at);
    if (this.#held.length < this.#mark.length) return undefined;
    const rest = this.#held.slice(this.#mark.length);
    this.#held = new Uint8Array();
    this.end(true);
    return rest;
  }

  end(isMarked = false): void {
    this.#keep(this.#held);
    this.#tell(this.#decoder.decode());
    const isTruncated = this.#bytes > this.#options.limitBytes;
    this.#done({ text: this.#text, bytes: this.#bytes, isTruncated, isMarked });
  }

  #keep(bytes: Uint8Array): void {
    const room = Math.max(0, this.#options.limitBytes - this.#bytes);
    this.#bytes += bytes.length;
    if (room > 0 && bytes.length > 0) this.#tell(this.#decoder.decode(bytes.subarray(0, room), { stream: true }));
  }

  #tell(text: string): void {
    if (text === "") return;
    this.#text += text;
    this.#options.onText?.(text);
  }
}

/** Where the mark is, or where one may have begun; the end where neither is. */
function indexOf(bytes: Uint8Array, mark: Uint8Array): number {
  for (let at = bytes.indexOf(0); at !== -1; at = bytes.indexOf(0, at + 1)) {
    const length = Math.min(mark.length, bytes.length - at);
    let same = 1;
    while (same < length && bytes[at + same] === mark[same]) same += 1;
    if (same === length) return at;
  }
  return bytes.length;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
