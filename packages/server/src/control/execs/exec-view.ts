/** What a guest says of its execs, as the API shows it. */
import type { Exec } from "@alcove/contract";
import type { ExecStatus, OutputFrame } from "../../guest/guest.js";
import type { ExecMessage } from "./exec-control.js";

export function toExec(sandboxId: string, status: ExecStatus): Exec {
  const { id, state, exitCode, signal, timedOut, pid, endedAtUnixMs } = status;
  return {
    ...{ id, sandboxId, state, timedOut, pid },
    args: [...status.argv],
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    startedAt: time(status.startedAtUnixMs),
    ...(endedAtUnixMs === undefined ? {} : { endedAt: time(endedAtUnixMs) }),
    executionTimeMs: status.durationMs,
    stdoutBytes: status.stdoutBytes,
    stderrBytes: status.stderrBytes,
    droppedBytes: status.droppedBytes,
    stdinOpen: status.stdinOpen,
    ...(status.terminal === undefined ? {} : { terminal: status.terminal }),
  };
}

export function toMessage(sandboxId: string, frame: OutputFrame): ExecMessage {
  switch (frame.kind) {
    case "status":
      return { type: "started", exec: toExec(sandboxId, frame.status) };
    case "end":
      return { type: "end", exec: toExec(sandboxId, frame.status) };
    case "gap":
      return { type: "gap", from: frame.from, to: frame.to };
    case "interrupted":
      return { type: "interrupted", stoppedAt: time(frame.stoppedAtUnixMs), resumedAt: time(frame.resumedAtUnixMs) };
    case "stdout":
    case "stderr":
      return { type: "output", stream: frame.kind, offset: frame.offset, bytes: frame.bytes };
  }
}

export async function* messages(sandboxId: string, frames: AsyncIterable<OutputFrame>): AsyncGenerator<ExecMessage> {
  for await (const frame of frames) yield toMessage(sandboxId, frame);
}

/** The last millisecond that a date can hold; a guest may say more. */
const lastUnixMs = 253_402_300_799_999;

function time(unixMs: number): string {
  return new Date(Math.min(unixMs, lastUnixMs)).toISOString();
}
