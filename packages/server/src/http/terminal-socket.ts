/**
 * One client of a terminal over a WebSocket: what is shown goes out as fast as the client reads, what is typed comes in as fast as
 * the terminal takes it. The terminal is not the socket's: it goes on when the client leaves, or is cut off for what it sent.
 */
import { AlcoveError, type StartTerminal, type TerminalReceive, TerminalSend, toProblem } from "@alcove/contract";
import type { ExecMessage } from "../control/execs/exec-control.js";
import type { SandboxRef } from "../control/sandboxes/sandbox-control.js";
import type { TerminalControl } from "../control/terminals/terminal-control.js";
import { firstMessage, parseMessage } from "./client-message.js";
import type { SocketMessage, SocketMessages } from "./socket-messages.js";
import { createTypedInput } from "./typed-input.js";

/** The first message, which says what to run. */
export async function receiveTerminalStart(messages: SocketMessages, signal: AbortSignal): Promise<StartTerminal> {
  const first = await firstMessage(messages, signal);
  const message = parseMessage(TerminalSend, first);
  if (message.type === "start") return message.start;
  throw new AlcoveError("InvalidRequest", "The first message must be a start.", {
    field: "type",
    value: message.type,
    hint: 'Send {"type":"start","start":{…}} first.',
  });
}

export interface Watching {
  readonly terminals: TerminalControl;
  readonly sandbox: SandboxRef;
  readonly output: AsyncIterable<ExecMessage>;
  readonly messages: SocketMessages;
  readonly signal: AbortSignal;
}

/** Fulfils when the terminal's program has ended and all it showed is sent; rejects with what ended it otherwise. */
export async function watchTerminal(watching: Watching): Promise<void> {
  const ending = new AbortController();
  const signal = AbortSignal.any([watching.signal, ending.signal]);
  let started: (id: string) => void = () => undefined;
  const execId = new Promise<string>((resolve) => (started = resolve));
  try {
    const output = sendOutput(watching, started);
    const input = receiveInput({ ...watching, signal }, execId);
    // Input ends with the socket, which ends the output through the signal; only its errors count.
    await Promise.race([output, input.then(() => output)]);
  } finally {
    ending.abort();
  }
}

async function sendOutput({ output, messages }: Watching, started: (id: string) => void): Promise<void> {
  for await (const message of output) {
    if (message.type === "started") started(message.exec.id);
    await messages.send(JSON.stringify(told(message)));
  }
}

function told(message: ExecMessage): TerminalReceive {
  switch (message.type) {
    case "started":
      return { type: "session_id", data: message.exec.id };
    case "output":
      return { type: "stdout", data: Buffer.from(message.bytes).toString("base64"), offset: message.offset };
    case "end": {
      const { exitCode = 0, signal } = message.exec;
      return { type: "exit_code", exitCode, ...(signal === undefined ? {} : { signal }) };
    }
    default:
      return message;
  }
}

async function receiveInput(
  { terminals, sandbox, messages, signal }: Watching,
  started: Promise<string>,
): Promise<void> {
  const whileItRuns = async (act: (execId: string) => Promise<void>) => {
    try {
      await act(await started);
    } catch (error) {
      await tellOrThrow(error, messages);
    }
  };
  const typed = createTypedInput((text) =>
    whileItRuns((execId) => terminals.type({ ...sandbox, execId }, text, signal)),
  );
  const take = async (received: SocketMessage) => {
    const message = parseMessage(TerminalSend, received);
    if (message.type === "stdin") await typed.put(Buffer.from(message.data, "base64"));
    else if (message.type === "resize") {
      const size = { rows: message.resize.height, columns: message.resize.width };
      await whileItRuns((execId) => terminals.resize({ ...sandbox, execId }, size, signal));
    } else {
      throw new AlcoveError("InvalidRequest", "The terminal is started already.", { field: "type", value: "start" });
    }
  };
  const takeAll = async () => {
    for await (const received of messages) await take(received);
  };
  await Promise.race([takeAll(), typed.failed]);
}

/** Input after the end is let go. Of a sandbox that is stopped, and is not to be woken, the client is told, and goes on watching. */
async function tellOrThrow(error: unknown, messages: SocketMessages): Promise<void> {
  if (!(error instanceof AlcoveError)) throw error;
  if (["ExecEnded", "ExecNotFound", "StdinClosed"].includes(error.code)) return;
  if (error.code !== "SandboxNotRunning") throw error;
  await messages.send(terminalError(error));
}

export function terminalError(error: AlcoveError): string {
  const message: TerminalReceive = { type: "error", error: error.message, problem: { ...toProblem(error) } };
  return JSON.stringify(message);
}
