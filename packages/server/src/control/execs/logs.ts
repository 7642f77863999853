/** The log of an exec: what it wrote before, as far as it is kept and asked for, and what it writes from now on. */
import { AlcoveError } from "@alcove/contract";
import type { GuestExecs, LogFrame } from "../../guest/guest.js";
import type { LogItem, LogOptions } from "./exec-control.js";
import { LogLines } from "./log-lines.js";

export interface LogSource {
  readonly sandboxId: string;
  readonly execs: Pick<GuestExecs, "log">;
  readonly entrypointExecId: string | undefined;
}

/** Throws before the first line where there is no such exec. */
export async function readLogs(source: LogSource, options: LogOptions, signal: AbortSignal) {
  const id = options.execId ?? source.entrypointExecId;
  if (id === undefined) {
    throw new AlcoveError("ExecNotFound", `The sandbox ${source.sandboxId} was started without a program.`, {
      hint: "Create it with an entrypoint or cmd, or say which exec's log to read.",
    });
  }
  const ending = new AbortController();
  const frames = source.execs.log(id, 0, AbortSignal.any([signal, ending.signal]))[Symbol.asyncIterator]();
  const first = await frames.next();
  return linesOf({ [Symbol.asyncIterator]: () => frames }, first.value, options, ending);
}

async function* linesOf(
  frames: AsyncIterable<LogFrame>,
  first: LogFrame | undefined,
  { tailLines, follow, sinceUnixMs = 0 }: LogOptions,
  ending: AbortController,
): AsyncGenerator<LogItem> {
  const presentBytes = first?.kind === "status" ? first.status.stdoutBytes + first.status.stderrBytes : 0;
  const lines = new LogLines();
  const tail = new Tail(tailLines);
  let unixMs: number | undefined;
  let isPast = presentBytes > 0;
  const told = function* (items: Iterable<LogItem>): Generator<LogItem> {
    for (const item of items) {
      if (timeOf(item) < sinceUnixMs) continue;
      if (!isPast) yield item;
      else if (!("lostBytes" in item)) tail.add(item);
    }
  };
  try {
    if (!isPast && !follow) return;
    for await (const frame of frames) {
      if (frame.kind === "time") unixMs = frame.unixMs;
      else if (frame.kind === "gap") yield* told([{ lostBytes: frame.to - frame.from }]);
      else if (frame.kind === "interrupted") yield* told([stillnessOf(frame)]);
      else if (frame.kind === "stdout" || frame.kind === "stderr")
        yield* told(lines.push({ stream: frame.kind, unixMs, bytes: frame.bytes }));
      if (!isPast || endOf(frame) < presentBytes) continue;
      if (!follow) break;
      isPast = false;
      yield* tail.take();
    }
    yield* told(lines.rest());
    yield* tail.take();
  } finally {
    ending.abort(new Error("The log is not read any more"));
  }
}

/** The offset behind a frame. */
function endOf(frame: LogFrame): number {
  if (frame.kind === "gap") return frame.to;
  return frame.kind === "stdout" || frame.kind === "stderr" ? frame.offset + frame.bytes.length : 0;
}

function stillnessOf({ stoppedAtUnixMs, resumedAtUnixMs }: Extract<LogFrame, { kind: "interrupted" }>): LogItem {
  return { stoppedAtUnixMs, resumedAtUnixMs };
}

/** Of a line without a time it is not known that it is old. */
function timeOf(item: LogItem): number {
  if ("resumedAtUnixMs" in item) return item.resumedAtUnixMs;
  return "stream" in item ? (item.unixMs ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
}

/** The last lines, and what was between them. */
class Tail {
  readonly #count: number;
  #items: LogItem[] = [];
  #lines = 0;

  constructor(count: number) {
    this.#count = count;
  }

  add(item: LogItem): void {
    this.#items.push(item);
    if ("stream" in item) this.#lines++;
    while (this.#lines > this.#count) this.#dropFirstLine();
  }

  *take(): Generator<LogItem> {
    const items = this.#items;
    this.#items = [];
    this.#lines = 0;
    yield* items;
  }

  #dropFirstLine(): void {
    const at = this.#items.findIndex((item) => "stream" in item);
    this.#items.splice(0, at + 1);
    this.#lines--;
  }
}
