/** Execs and terminals as parts of the trace of who asked for them: which sandbox, and never what is run or with what. */
import { eachInSpan, inSpan } from "../../lib/tracing.js";
import { ofSandbox } from "../sandboxes/sandbox-span.js";
import type { TerminalControl } from "../terminals/terminal-control.js";
import type { ExecControl } from "./exec-control.js";

export function tracedExecs(execs: ExecControl): ExecControl {
  return {
    ...execs,
    runCommand: (ref, ...rest) => inSpan("exec.run", ofSandbox(ref), () => execs.runCommand(ref, ...rest)),
    runShellCommand: (ref, ...rest) => inSpan("exec.run", ofSandbox(ref), () => execs.runShellCommand(ref, ...rest)),
    start: (ref, ...rest) => inSpan("exec.start", ofSandbox(ref), () => execs.start(ref, ...rest)),
    stream: (ref, ...rest) => eachInSpan("exec.stream", ofSandbox(ref), () => execs.stream(ref, ...rest)),
    attach: (ref, ...rest) => eachInSpan("exec.attach", ofSandbox(ref), () => execs.attach(ref, ...rest)),
  };
}

export function tracedTerminals(terminals: TerminalControl): TerminalControl {
  return {
    ...terminals,
    open: (ref, ...rest) => eachInSpan("terminal.open", ofSandbox(ref), () => terminals.open(ref, ...rest)),
    attach: (ref, ...rest) => eachInSpan("terminal.attach", ofSandbox(ref), () => terminals.attach(ref, ...rest)),
  };
}
