/** Run a command and wait for its result. */
import { type ExecResult, executeCommand, executeShellCommand } from "@alcove/contract";
import { call } from "./call.js";
import { ExecError } from "./errors.js";
import type { SandboxAddress } from "./scope.js";

/** A line for the shell, or a program and its arguments. */
export type Command = string | readonly [string, ...string[]];

export interface ProcessOptions {
  /** Where it starts; default: the sandbox's own, else the user's home. */
  readonly cwd?: string | undefined;
  /** Added to the sandbox's environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Names of the sandbox's `secretEnv` that are added to it as well. */
  readonly secrets?: readonly string[] | undefined;
  /** A name, a uid, or uid:gid; default root. */
  readonly user?: string | undefined;
  /** The command and all it started are killed after this time, and the result says `timedOut`. */
  readonly timeoutMs?: number | undefined;
  /** Aborting kills the command. */
  readonly signal?: AbortSignal | undefined;
}

export interface ExecOptions extends ProcessOptions {
  /** Text for its input, at most 1 MiB; empty by default. `spawn` takes streams. */
  readonly stdin?: string | undefined;
  /** Bytes kept of each of stdout and stderr; default 1 MiB, at most 16 MiB. The rest is read, counted and dropped. */
  readonly outputLimitBytes?: number | undefined;
  /** Throw an ExecError unless it exits with 0. */
  readonly check?: boolean | undefined;
}

export interface ExecOutcome {
  /** 128 + n when signal n ended it. */
  readonly exitCode: number;
  readonly signal?: string | undefined;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** More came than was kept; stdoutBytes and stderrBytes count all of it. */
  readonly stdoutTruncated: boolean;
  readonly stderrTruncated: boolean;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly durationMs: number;
}

export async function exec(address: SandboxAddress, command: Command, options: ExecOptions): Promise<ExecOutcome> {
  const { transport, params } = address;
  const { signal, check = false } = options;
  const body = { ...processBody(options), stdin: options.stdin, outputLimitBytes: options.outputLimitBytes };
  const result =
    typeof command === "string"
      ? await call(transport, executeShellCommand, { params, body: { command, ...body }, signal })
      : await call(transport, executeCommand, {
          params,
          body: { command: command[0], args: command.slice(1), ...body },
          signal,
        });
  const outcome = outcomeOf(result);
  if (check && outcome.exitCode !== 0) throw new ExecError(shown(command), outcome);
  return outcome;
}

/** Options in the contract's words. */
export function processBody({ cwd, env, secrets, user, timeoutMs }: ProcessOptions) {
  return {
    workingDirectory: cwd,
    environment: env,
    secrets: secrets === undefined ? undefined : [...secrets],
    user,
    timeoutMs,
  };
}

function shown(command: Command): string {
  return typeof command === "string" ? command : command.join(" ");
}

function outcomeOf({ executionTimeMs, ...result }: ExecResult): ExecOutcome {
  return { ...result, durationMs: executionTimeMs };
}
