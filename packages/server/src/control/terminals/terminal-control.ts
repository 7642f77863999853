/** What can be done with the terminals of a sandbox. Beyond that they are execs. */
import type { StartTerminal, TerminalSize } from "@alcove/contract";
import type { ExecMessage, ExecRef } from "../execs/exec-control.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";

export interface TerminalControl {
  /** Starts and follows; the terminal goes on when the signal aborts. Not reading holds its programs back. */
  open(ref: SandboxRef, body: StartTerminal, signal: AbortSignal): AsyncIterable<ExecMessage>;
  attach(ref: ExecRef, offset: number, signal: AbortSignal): AsyncIterable<ExecMessage>;
  /** Fulfils when its programs can read it. */
  type(ref: ExecRef, text: Uint8Array, signal: AbortSignal): Promise<void>;
  resize(ref: ExecRef, size: TerminalSize, signal: AbortSignal): Promise<void>;
}
