/**
 * Terminals: programs for people, each in a pseudo-terminal of its sandbox, over a WebSocket. The messages are ACA's. A terminal is an
 * exec: `listExecs` lists it, with its size, `deleteExec` ends it, and it goes on without a client.
 */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { Environment, ExecId, GroupName, GuestPath, SandboxId, SecretNames, wholeNumber } from "./names.js";
import { Argument, UserName } from "./process.js";
import { NoQuery, SandboxParams, wakeErrors } from "./sandboxes.js";

/** In characters. */
const side = z.number().int().min(1).max(4_096);

export const TerminalSize = z
  .object({ rows: z.number().int(), columns: z.number().int() })
  .meta({ id: "TerminalSize" });
export type TerminalSize = z.infer<typeof TerminalSize>;

export const StartTerminal = z
  .strictObject({
    /** Chosen by the client, so that a repeat is safe; else by the server. */
    id: ExecId.optional(),
    /** Default: bash, or sh where there is none. */
    command: Argument.min(1).optional(),
    args: z.array(Argument).max(4_095).optional(),
    environment: Environment.optional(),
    /** Names of the sandbox's `secretEnvironment` that are added to the environment. */
    secrets: SecretNames.optional(),
    workingDirectory: GuestPath.optional(),
    /** Default root. */
    user: UserName.optional(),
    tty: z.literal(true).optional(),
    stdin: z.literal(true).optional(),
    /** Rows; default 24. */
    height: side.optional(),
    /** Columns; default 80. */
    width: side.optional(),
  })
  .refine((start) => start.command !== undefined || start.args === undefined, {
    error: "must come with a command",
    path: ["args"],
  });
export type StartTerminal = z.infer<typeof StartTerminal>;

/** Messages from the client, all of them JSON. The first one on terminals/stream must be `start`; on terminals/{id}/stream there is none. */
export const TerminalSend = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal("start"), start: StartTerminal }),
    /** What was typed. */
    z.strictObject({ type: z.literal("stdin"), data: z.base64() }),
    z.strictObject({ type: z.literal("resize"), resize: z.strictObject({ height: side, width: side }) }),
  ])
  .meta({ id: "TerminalSend" });
export type TerminalSend = z.infer<typeof TerminalSend>;

/** Messages to the client, all of them JSON. The socket closes with 1000 after `exit_code`. */
export const TerminalReceive = z
  .discriminatedUnion("type", [
    /** The first: the exec's id, by which the terminal is attached to again. */
    z.object({ type: z.literal("session_id"), data: ExecId }),
    /** The offset is that of its first byte in all of the terminal's output. */
    z.object({ type: z.literal("stdout"), data: z.base64(), offset: z.number().int() }),
    /** Output from `from` up to `to` is not kept any more. */
    z.object({ type: z.literal("gap"), from: z.number().int(), to: z.number().int() }),
    /** The sandbox stood still here; one who attaches at this offset again is told again. */
    z.object({ type: z.literal("interrupted"), stoppedAt: z.iso.datetime(), resumedAt: z.iso.datetime() }),
    /** 128 + n when signal n ended it. */
    z.object({ type: z.literal("exit_code"), exitCode: z.number().int(), signal: z.string().optional() }),
    /** `error` is the problem's sentence. The socket stays open where what was typed did not come through: SandboxNotRunning. */
    z.object({ type: z.literal("error"), error: z.string(), problem: z.record(z.string(), z.unknown()) }),
  ])
  .meta({ id: "TerminalReceive" });
export type TerminalReceive = z.infer<typeof TerminalReceive>;

const stream = { send: TerminalSend, receive: TerminalReceive };

export const streamTerminal = endpoint({
  id: "streamTerminal",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/terminals/stream",
  access: "user",
  summary: "Open a terminal over a WebSocket",
  description: "The terminal goes on without its socket; terminals/{id}/stream attaches again.",
  params: SandboxParams,
  query: NoQuery,
  body: "none",
  result: "none",
  status: 101,
  errors: ["SandboxNotFound", ...wakeErrors, "UserNotFound", "GuestUnresponsive", "Timeout", "ExecExists"],
  stream,
});

export const attachTerminal = endpoint({
  id: "attachTerminal",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/terminals/:execId/stream",
  access: "user",
  summary: "Attach to a terminal over a WebSocket, from an offset",
  description: "A stopped sandbox that is activated on demand is resumed for it.",
  params: z.strictObject({ group: GroupName, id: SandboxId, execId: ExecId }),
  query: z.strictObject({ offset: wholeNumber(0, Number.MAX_SAFE_INTEGER).exactOptional() }),
  body: "none",
  result: "none",
  status: 101,
  errors: ["SandboxNotFound", ...wakeErrors, "ExecNotFound", "GuestUnresponsive"],
  stream,
});
