/** What a client asks to run, as the agent takes it. */
import { randomUUID } from "node:crypto";
import {
  defaultOutputLimitBytes,
  type ExecuteCommand,
  type ExecuteShellCommand,
  type StartExec,
} from "@alcove/contract";
import type { ExecSpec } from "../../guest/guest.js";
import type { RunningSandbox } from "../sandboxes/machines.js";
import type { BufferedExec } from "./buffered-exec.js";

const defaultShell = "/bin/sh";

export function commandSpec(sandbox: RunningSandbox, body: ExecuteCommand): BufferedExec["spec"] {
  return bufferedSpec(sandbox, body, [body.command, ...(body.args ?? [])]);
}

export function shellSpec(sandbox: RunningSandbox, body: ExecuteShellCommand): BufferedExec["spec"] {
  return bufferedSpec(sandbox, body, [body.shell ?? defaultShell, "-c", body.command]);
}

export function startSpec(sandbox: RunningSandbox, body: StartExec): ExecSpec {
  const argv = body.args ?? [defaultShell, "-c", body.shellCommand ?? ""];
  return { ...processOptions(sandbox, body), id: body.id ?? randomUUID(), argv, stdin: body.stdin ?? false };
}

function bufferedSpec(
  sandbox: RunningSandbox,
  body: ExecuteCommand | ExecuteShellCommand,
  argv: readonly string[],
): BufferedExec["spec"] {
  const outputLimitBytes = body.outputLimitBytes ?? defaultOutputLimitBytes;
  const stdin = body.stdin !== undefined;
  return { ...processOptions(sandbox, body), id: randomUUID(), argv, stdin, outputLimitBytes };
}

type ProcessBody = Pick<StartExec, "environment" | "secrets" | "workingDirectory" | "user" | "timeoutMs">;

export function processOptions(sandbox: RunningSandbox, body: ProcessBody) {
  return {
    environment: { ...body.environment, ...sandbox.secrets(body.secrets) },
    ...sandbox.defaults,
    ...(body.workingDirectory === undefined ? {} : { workingDirectory: body.workingDirectory }),
    ...(body.user === undefined ? {} : { user: body.user }),
    ...(body.timeoutMs === undefined ? {} : { timeoutMs: body.timeoutMs }),
  };
}
