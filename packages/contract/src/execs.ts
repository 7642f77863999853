/**
 * Execs: run a program in a sandbox. Buffered (executeCommand, executeShellCommand: ACA's names and shapes), streaming
 * over a WebSocket (exec/stream), and detached (execs), which any client can attach to from an offset.
 */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { Environment, ExecId, Flag, GroupName, GuestPath, SandboxId, SecretNames, wholeNumber } from "./names.js";
import { Argument, UserName } from "./process.js";
import { ActivationMode } from "./sandbox-state.js";
import { NoQuery, SandboxParams, wakeErrors } from "./sandboxes.js";
import { TerminalSize } from "./terminals.js";

/** 1 ms to 7 days. */
const TimeoutMs = z.number().int().min(1).max(604_800_000);
/** Bytes kept of each of stdout and stderr; what is beyond is read, counted and dropped. Default 1 MiB, at most 16 MiB. */
const OutputLimitBytes = z.number().int().min(0).max(16_777_216);

const processOptions = {
  environment: Environment.optional(),
  /** Names of the sandbox's `secretEnvironment` that are added to the environment, before which they go. */
  secrets: SecretNames.optional(),
  workingDirectory: GuestPath.optional(),
  /** Default root. */
  user: UserName.optional(),
  /** The whole exec is killed after this time, and says `timedOut`. */
  timeoutMs: TimeoutMs.optional(),
};

export const defaultOutputLimitBytes = 1_048_576;

export const ExecuteCommand = z
  .strictObject({
    command: Argument.min(1),
    args: z.array(Argument).max(4_096).optional(),
    ...processOptions,
    /** Text given to the program; its input is empty without. */
    stdin: z.string().max(1_048_576).optional(),
    outputLimitBytes: OutputLimitBytes.optional(),
    /** Whether a stopped sandbox is resumed for it. Default: as the sandbox says. */
    activationMode: ActivationMode.optional(),
  })
  .meta({ id: "ExecuteCommand" });
export type ExecuteCommand = z.infer<typeof ExecuteCommand>;

export const ExecuteShellCommand = z
  .strictObject({
    command: Argument.min(1),
    /** Default /bin/sh. */
    shell: GuestPath.optional(),
    ...processOptions,
    stdin: z.string().max(1_048_576).optional(),
    outputLimitBytes: OutputLimitBytes.optional(),
    activationMode: ActivationMode.optional(),
  })
  .meta({ id: "ExecuteShellCommand" });
export type ExecuteShellCommand = z.infer<typeof ExecuteShellCommand>;

export const ExecResult = z
  .object({
    /** 128 + n when signal n ended it. */
    exitCode: z.number().int(),
    signal: z.string().optional(),
    timedOut: z.boolean(),
    /** UTF-8; bytes that are not become U+FFFD. */
    stdout: z.string(),
    stderr: z.string(),
    /** More came than was kept: stdoutBytes and stderrBytes count all of it. */
    stdoutTruncated: z.boolean(),
    stderrTruncated: z.boolean(),
    stdoutBytes: z.number().int(),
    stderrBytes: z.number().int(),
    executionTimeMs: z.number(),
  })
  .meta({ id: "ExecResult" });
export type ExecResult = z.infer<typeof ExecResult>;

/** Starts a detached exec: exactly one of `args` (argv) and `shellCommand`. */
export const StartExec = z
  .strictObject({
    /** Chosen by the client, so that a repeat is safe; else by the server. */
    id: ExecId.optional(),
    args: z.array(Argument).min(1).max(4_096).optional(),
    shellCommand: Argument.min(1).optional(),
    ...processOptions,
    /** Keep its input open. Default false. */
    stdin: z.boolean().optional(),
  })
  .refine((exec) => (exec.args === undefined) !== (exec.shellCommand === undefined), {
    error: "must have exactly one of args and shellCommand",
    path: ["args"],
  })
  .meta({ id: "StartExec" });
export type StartExec = z.infer<typeof StartExec>;

export const Exec = z
  .object({
    id: ExecId,
    sandboxId: SandboxId,
    args: z.array(z.string()),
    state: z.enum(["Running", "Exited"]),
    exitCode: z.number().int().optional(),
    signal: z.string().optional(),
    timedOut: z.boolean(),
    /** In the guest's PID namespace. */
    pid: z.number().int(),
    startedAt: z.iso.datetime(),
    endedAt: z.iso.datetime().optional(),
    executionTimeMs: z.number(),
    stdoutBytes: z.number().int(),
    stderrBytes: z.number().int(),
    /** Output that no reader took in time and that is not kept any more. */
    droppedBytes: z.number().int(),
    stdinOpen: z.boolean(),
    /** Of those alone that run in a terminal. */
    terminal: TerminalSize.optional(),
  })
  .meta({ id: "Exec" });
export type Exec = z.infer<typeof Exec>;

/**
 * Messages from the client of a stream. Text messages are JSON as below; a binary message is stdin's bytes.
 * The first one on exec/stream must be `start`; on execs/{id}/stream there is none.
 */
export const ExecStreamSend = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal("start"), start: StartExec }),
    z.strictObject({ type: z.literal("closeStdin") }),
    z.strictObject({ type: z.literal("signal"), signal: z.string().regex(/^[A-Z0-9+]{2,10}$/) }),
  ])
  .meta({ id: "ExecStreamSend" });
export type ExecStreamSend = z.infer<typeof ExecStreamSend>;

/**
 * Messages to the client. Text messages are JSON as below. A binary message is output: 1 byte stream (1 stdout, 2 stderr),
 * 8 bytes big-endian offset of the first byte in the exec's whole output, then the bytes. The socket closes with 1000 after `end`.
 */
export const ExecStreamReceive = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("started"), exec: Exec }),
    /** Output from `from` up to `to` is not kept any more. */
    z.object({ type: z.literal("gap"), from: z.number().int(), to: z.number().int() }),
    /** The sandbox stood still here; one who attaches at this offset again is told again. */
    z.object({ type: z.literal("interrupted"), stoppedAt: z.iso.datetime(), resumedAt: z.iso.datetime() }),
    z.object({ type: z.literal("end"), exec: Exec }),
    z.object({ type: z.literal("error"), problem: z.record(z.string(), z.unknown()) }),
  ])
  .meta({ id: "ExecStreamReceive" });
export type ExecStreamReceive = z.infer<typeof ExecStreamReceive>;

const ExecParams = z.strictObject({ group: GroupName, id: SandboxId, execId: ExecId });
const runErrors = ["SandboxNotFound", ...wakeErrors, "UserNotFound", "GuestUnresponsive", "Timeout"] as const;
const execErrors = ["SandboxNotFound", ...wakeErrors, "ExecNotFound", "GuestUnresponsive"] as const;

export const executeCommand = endpoint({
  id: "executeCommand",
  method: "POST",
  path: "/v1/groups/:group/sandboxes/:id/executeCommand",
  access: "user",
  summary: "Run a program and wait for its result",
  params: SandboxParams,
  query: NoQuery,
  body: ExecuteCommand,
  result: ExecResult,
  errors: runErrors,
});

export const executeShellCommand = endpoint({
  id: "executeShellCommand",
  method: "POST",
  path: "/v1/groups/:group/sandboxes/:id/executeShellCommand",
  access: "user",
  summary: "Run a shell command line and wait for its result",
  params: SandboxParams,
  query: NoQuery,
  body: ExecuteShellCommand,
  result: ExecResult,
  errors: runErrors,
});

export const streamExec = endpoint({
  id: "streamExec",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/exec/stream",
  access: "user",
  summary: "Run a program over a WebSocket",
  description:
    "The exec ends with the socket unless it was started with an id of the client's (then it goes on, and execs/{id}/stream attaches again).",
  params: SandboxParams,
  query: NoQuery,
  body: "none",
  result: "none",
  status: 101,
  errors: [...runErrors, "ExecExists"],
  stream: { send: ExecStreamSend, receive: ExecStreamReceive },
});

export const startExec = endpoint({
  id: "startExec",
  method: "POST",
  path: "/v1/groups/:group/sandboxes/:id/execs",
  access: "user",
  summary: "Start a detached exec",
  params: SandboxParams,
  query: NoQuery,
  body: StartExec,
  result: Exec,
  status: 201,
  errors: [...runErrors, "ExecExists"],
});

export const listExecs = endpoint({
  id: "listExecs",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/execs",
  access: "user",
  summary: "List a sandbox's execs",
  params: SandboxParams,
  query: NoQuery,
  body: "none",
  result: z.array(Exec),
  errors: ["SandboxNotFound", ...wakeErrors, "GuestUnresponsive"],
});

export const getExec = endpoint({
  id: "getExec",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/execs/:execId",
  access: "user",
  summary: "Read one exec, or wait for its end",
  params: ExecParams,
  /** Answers when the exec has ended, or after this time, whichever is first. */
  query: z.strictObject({ waitMs: wholeNumber(0, 60_000).exactOptional() }),
  body: "none",
  result: Exec,
  errors: execErrors,
});

export const attachExec = endpoint({
  id: "attachExec",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/execs/:execId/stream",
  access: "user",
  summary: "Attach to an exec over a WebSocket, from an offset",
  params: ExecParams,
  query: z.strictObject({ offset: wholeNumber(0, Number.MAX_SAFE_INTEGER).exactOptional() }),
  body: "none",
  result: "none",
  status: 101,
  errors: execErrors,
  stream: { send: ExecStreamSend, receive: ExecStreamReceive },
});

export const writeStdin = endpoint({
  id: "writeStdin",
  method: "POST",
  path: "/v1/groups/:group/sandboxes/:id/execs/:execId/stdin",
  access: "user",
  summary: "Write to an exec's input",
  params: ExecParams,
  query: z.strictObject({ close: Flag.exactOptional() }),
  body: "bytes",
  result: z.object({ bytesWritten: z.number().int() }),
  errors: [...execErrors, "StdinClosed"],
});

export const signalExec = endpoint({
  id: "signalExec",
  method: "POST",
  path: "/v1/groups/:group/sandboxes/:id/execs/:execId/signal",
  access: "user",
  summary: "Send a signal to an exec's whole process group",
  params: ExecParams,
  query: NoQuery,
  body: z.strictObject({ signal: z.string().regex(/^[A-Z0-9+]{2,10}$/, "must be a signal's name such as TERM") }),
  result: "none",
  errors: [...execErrors, "ExecEnded"],
});

export const deleteExec = endpoint({
  id: "deleteExec",
  method: "DELETE",
  path: "/v1/groups/:group/sandboxes/:id/execs/:execId",
  access: "user",
  summary: "End an exec and forget it",
  description: "Deleting one that is gone succeeds too.",
  params: ExecParams,
  query: z.strictObject({ force: Flag.exactOptional() }),
  body: "none",
  result: "none",
  errors: ["SandboxNotFound", ...wakeErrors, "GuestUnresponsive"],
});
