/** What can be done with the programs of a sandbox. */
import type { Exec, ExecResult, ExecuteCommand, ExecuteShellCommand, StartExec } from "@alcove/contract";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";

export interface ExecRef extends SandboxRef {
  readonly execId: string;
}

/** What a stream of an exec carries: the contract's messages, with output as bytes. */
export type ExecMessage =
  | { readonly type: "started" | "end"; readonly exec: Exec }
  | {
      readonly type: "output";
      readonly stream: "stdout" | "stderr";
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  | { readonly type: "gap"; readonly from: number; readonly to: number }
  | { readonly type: "interrupted"; readonly stoppedAt: string; readonly resumedAt: string };

export interface LogOptions {
  readonly tailLines: number;
  readonly follow: boolean;
  readonly execId?: string;
  /** None that were read from the program before. */
  readonly sinceUnixMs?: number;
}

/** A line with its end, if it has one, or word of output that is lost, or of a time in which the sandbox stood still. */
export type LogItem =
  | {
      readonly stream: "stdout" | "stderr";
      readonly unixMs: number | undefined;
      readonly bytes: Uint8Array;
      readonly isPartial: boolean;
    }
  | { readonly lostBytes: number }
  | { readonly stoppedAtUnixMs: number; readonly resumedAtUnixMs: number };

export interface ExecControl {
  runCommand(ref: SandboxRef, body: ExecuteCommand, signal: AbortSignal): Promise<ExecResult>;
  runShellCommand(ref: SandboxRef, body: ExecuteShellCommand, signal: AbortSignal): Promise<ExecResult>;
  /** Starts and follows. When the signal aborts, an exec whose id the client did not choose is deleted. Not reading holds the exec back. */
  stream(ref: SandboxRef, body: StartExec, signal: AbortSignal): AsyncIterable<ExecMessage>;
  start(ref: SandboxRef, body: StartExec, signal: AbortSignal): Promise<Exec>;
  /** The last lines of an exec's output, and with `follow` what comes until it ends. Default: the exec of the entrypoint. */
  logs(ref: SandboxRef, options: LogOptions, signal: AbortSignal): Promise<AsyncIterable<LogItem>>;
  list(ref: SandboxRef, signal: AbortSignal): Promise<readonly Exec[]>;
  get(ref: ExecRef, waitMs: number, signal: AbortSignal): Promise<Exec>;
  attach(ref: ExecRef, offset: number, signal: AbortSignal): AsyncIterable<ExecMessage>;
  writeStdin(
    ref: ExecRef,
    input: AsyncIterable<Uint8Array>,
    options: { readonly close: boolean },
    signal: AbortSignal,
  ): Promise<number>;
  signal(ref: ExecRef, name: string, signal: AbortSignal): Promise<void>;
  delete(ref: ExecRef, options: { readonly force: boolean }, signal: AbortSignal): Promise<void>;
}
