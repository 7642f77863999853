/**
 * Running a program to its end and keeping what it wrote, within a limit of each stream. Nothing here touches the store, and
 * the agent forgets an exec by itself whose end was delivered.
 */
import { AlcoveError, type ExecResult } from "@alcove/contract";
import type { ExecSpec, ExecStatus, GuestExecs } from "../../guest/guest.js";

export interface BufferedExec {
  readonly execs: Pick<GuestExecs, "run" | "writeStdin">;
  readonly spec: ExecSpec & { readonly outputLimitBytes: number };
  /** Given to the program, whose input then ends. */
  readonly input: string | undefined;
}

/** The exit code is never lost, however much was written. */
export async function runBuffered({ execs, spec, input }: BufferedExec, signal: AbortSignal): Promise<ExecResult> {
  const stdout = new Kept(spec.outputLimitBytes);
  const stderr = new Kept(spec.outputLimitBytes);
  // No limit at all is what 0 means to the agent.
  const asked = { ...spec, outputLimitBytes: Math.max(1, spec.outputLimitBytes), forget: true };
  for await (const frame of execs.run(asked, signal)) {
    if (frame.kind === "status" && input !== undefined) feed(execs, spec.id, input, signal);
    else if (frame.kind === "stdout") stdout.add(frame.bytes);
    else if (frame.kind === "stderr") stderr.add(frame.bytes);
    else if (frame.kind === "end") return result(frame.status, stdout, stderr);
  }
  throw new AlcoveError("GuestUnresponsive", `The output of the exec ${spec.id} ended without its exit code.`);
}

/** A program may end, or close its input, before it has read all; the channel's own failures come out of its output. */
function feed(execs: BufferedExec["execs"], id: string, input: string, signal: AbortSignal): void {
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
  const seen = countAll(status);
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

/** All that the program wrote to each stream, kept or not. */
function countAll({ stdoutBytes, stderrBytes, droppedBytes, stderrDroppedBytes }: ExecStatus) {
  return {
    stdoutBytes: stdoutBytes + droppedBytes - stderrDroppedBytes,
    stderrBytes: stderrBytes + stderrDroppedBytes,
  };
}
