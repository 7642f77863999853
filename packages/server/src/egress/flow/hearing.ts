/** Waits for what a program says first. What it said is put back, in one piece, to be read by whoever goes on with the connection. */
import type { Duplex } from "node:stream";
import { FirstWords, type Spoken } from "./first-words.js";

/** How long one that has begun has to get so far that it can be told what it speaks. */
const patienceMs = 10_000;

/** other: `stop` was called before anything was known. */
export type Heard = Spoken | { readonly kind: "silence" | "other" } | { readonly kind: "end"; readonly bytes: Buffer };

export interface Hearing {
  /** Rejects when the program's connection is reset. */
  readonly heard: Promise<Heard>;
  stop(): void;
}

/** Silence is answered after so many milliseconds without a byte; never where they are left out. */
export function hear(stream: Duplex, silenceMs?: number): Hearing {
  const words = new FirstWords();
  let isOver = false;
  let settle: (heard: Heard | Error) => void = () => {};
  const heard = new Promise<Heard>((resolve, reject) => {
    settle = (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome));
  });
  let timer = silenceMs === undefined ? undefined : setTimeout(() => finish({ kind: "silence" }), silenceMs);
  const onReadable = () => {
    for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null) {
      const spoken = words.push(chunk);
      if (spoken !== undefined) return finish(spoken);
      clearTimeout(timer);
      timer = setTimeout(() => finish(words.soFar()), patienceMs);
    }
  };
  const onEnd = () => finish({ kind: "end", bytes: words.bytes });
  const onClose = () => finish(new Error("the program's connection is over"));
  /** Puts back at once: in the next turn the stream may have told its end, and takes nothing back after that. */
  const finish = (outcome: Heard | Error) => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    stream.off("readable", onReadable).off("end", onEnd).off("close", onClose);
    const { bytes } = words;
    if (!(outcome instanceof Error) && outcome.kind !== "end" && bytes.length > 0) stream.unshift(bytes);
    settle(outcome);
  };
  if (stream.closed) onClose();
  else stream.on("readable", onReadable).once("end", onEnd).once("close", onClose);
  return { heard, stop: () => finish({ kind: "other" }) };
}
