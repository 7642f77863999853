/** Running a program to its end and keeping what it wrote, within a limit of each stream. Nothing here touches the store. */
import { AlcoveError, type ExecResult } from "@alcove/contract";
import type { ExecSpec, ExecStatus, GuestExecs } from "../guest/guest.js";

export interface BufferedExec {
  readonly execs: GuestExecs;
  readonly spec: ExecSpec & { readonly outputLimitBytes: number };
  /** Given to the program, whose input then ends. */
  readonly input: string | undefined;
}

/** The exit code is never lost, however much was written. */
export async function runBuffered({ execs, spec, input }: BufferedExec, signal: AbortSignal): Promise<ExecResult> {
  const stdout = new Kept(spec.outputLimitBytes);
  const stderr = new Kept(spec.outputLimitBytes);
  // One byte more than is kept tells, of each stream, whether anything was left out.
  const asked = { ...spec, outputLimitBytes: spec.outputLimitBytes + 1 };
  for await (const frame of execs.run(asked, signal)) {
    if (frame.kind === "status" && input !== undefined) feed(execs, spec.id, input, signal);
    else if (frame.kind === "stdout") stdout.add(frame.bytes);
    else if (frame.kind === "stderr") stderr.add(frame.bytes);
    else if (frame.kind === "end") return result(frame.status, stdout, stderr);
  }
  throw new AlcoveError("GuestUnresponsive", `The output of the exec ${spec.id} ended without its exit code.`);
}

/** A program may end, or close its input, before it has read all; the channel's own failures come out of its output. */
function feed(execs: GuestExecs, id: string, input: string, signal: AbortSignal): void {
  const chunk = Buffer.from(input);
  const chunks = (async function* () {
    if (chunk.length > 0) yield chunk;
  })();
  execs.writeStdin(id, chunks, { close: true }, signal).catch(() => undefined);
}

class Kept {
  readonly limitBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** The agent keeps to the limit; a guest that does not is cut here. */
  add(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, this.limitBytes - this.#bytes);
    if (kept.length === 0) return;
    this.#chunks.push(kept);
    this.#bytes += kept.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A character that the limit cut in two is left out whole. */
  text(isTruncated: boolean): string {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return decoder.decode(Buffer.concat(this.#chunks), { stream: isTruncated });
  }
}

function result(status: ExecStatus, stdout: Kept, stderr: Kept): ExecResult {
  if (status.exitCode === undefined) {
    throw new AlcoveError("GuestUnresponsive", `The agent says that the exec ${status.id} ended, but not how.`);
  }
  const seen = countAll(status, stdout.limitBytes);
  const [stdoutTruncated, stderrTruncated] = [seen.stdoutBytes > stdout.bytes, seen.stderrBytes > stderr.bytes];
  return {
    exitCode: status.exitCode,
    ...(status.signal === undefined ? {} : { signal: status.signal }),
    timedOut: status.timedOut,
    stdout: stdout.text(stdoutTruncated),
    stderr: stderr.text(stderrTruncated),
    stdoutTruncated,
    stderrTruncated,
    ...seen,
    executionTimeMs: status.durationMs,
  };
}

/**
 * All that came of each stream. The agent counts what it dropped of both together: it belongs to the stream that is full,
 * and where both are, to stdout.
 */
function countAll({ stdoutBytes, stderrBytes, droppedBytes }: ExecStatus, limitBytes: number) {
  const isStdout = stdoutBytes > limitBytes;
  return {
    stdoutBytes: stdoutBytes + (isStdout ? droppedBytes : 0),
    stderrBytes: stderrBytes + (isStdout ? 0 : droppedBytes),
  };
}
