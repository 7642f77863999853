/**
 * One exec over a WebSocket: its output goes out as fast as the client reads, the client's messages come in as fast as
 * the exec reads. Ends with the exec, with the socket, or with the first message that is not of the contract.
 */
import { AlcoveError, ExecStreamSend, type StartExec, toProblem } from "@alcove/contract";
import type { ExecControl, ExecMessage } from "../control/execs/exec-control.js";
import type { SandboxRef } from "../control/sandboxes/sandbox-control.js";
import { firstMessage, parseMessage } from "./client-message.js";
import { createInputQueue, type InputQueue } from "./input-queue.js";
import type { SocketMessages } from "./socket-messages.js";

const streamNumbers = { stdout: 1, stderr: 2 } as const;

/** The first message, which says what to start. */
export async function receiveStart(messages: SocketMessages, signal: AbortSignal): Promise<StartExec> {
  const first = await firstMessage(messages, signal);
  const message = first.kind === "text" ? parseMessage(ExecStreamSend, first) : undefined;
  if (message?.type === "start") return message.start;
  throw new AlcoveError("InvalidRequest", "The first message must be a start.", {
    field: "type",
    value: message?.type ?? "a binary message",
    hint: 'Send {"type":"start","start":{…}} first.',
  });
}

export interface Following {
  readonly execs: ExecControl;
  readonly sandbox: SandboxRef;
  readonly output: AsyncIterable<ExecMessage>;
  readonly messages: SocketMessages;
  readonly signal: AbortSignal;
}

/** Fulfils when the exec has ended and all of its output is sent; rejects with what ended it otherwise. */
export async function followExec(following: Following): Promise<void> {
  const ending = new AbortController();
  const signal = AbortSignal.any([following.signal, ending.signal]);
  let started: (id: string) => void = () => undefined;
  const execId = new Promise<string>((resolve) => (started = resolve));
  try {
    const output = sendOutput(following, started);
    const input = receiveInput({ ...following, signal }, execId);
    // Input ends with the socket, which ends the output through the signal; only its errors count.
    await Promise.race([output, input.then(() => output)]);
  } finally {
    ending.abort();
  }
}

async function sendOutput({ output, messages }: Following, started: (id: string) => void): Promise<void> {
  for await (const message of output) {
    if (message.type === "started") started(message.exec.id);
    await messages.send(message.type === "output" ? frame(message) : JSON.stringify(message));
  }
}

function frame(message: Extract<ExecMessage, { type: "output" }>): Buffer {
  const buffer = Buffer.allocUnsafe(9 + message.bytes.byteLength);
  buffer[0] = streamNumbers[message.stream];
  buffer.writeBigUInt64BE(BigInt(message.offset), 1);
  buffer.set(message.bytes, 9);
  return buffer;
}

async function receiveInput(following: Following, started: Promise<string>): Promise<void> {
  const { execs, sandbox, messages, signal } = following;
  const input = createInputQueue(async (chunks, options) => {
    await execs.writeStdin({ ...sandbox, execId: await started }, chunks, options, signal);
  });
  try {
    for await (const message of messages) {
      if (message.kind === "bytes") await input.write(message.bytes);
      else await act(parseMessage(ExecStreamSend, message), following, input, started);
    }
  } finally {
    input.abandon();
  }
}

async function act(
  message: ExecStreamSend,
  { execs, sandbox, signal, messages }: Following,
  input: InputQueue,
  started: Promise<string>,
): Promise<void> {
  if (message.type === "closeStdin") return input.close();
  if (message.type === "start") {
    throw new AlcoveError("InvalidRequest", "The exec is started already.", { field: "type", value: "start" });
  }
  try {
    await execs.signal({ ...sandbox, execId: await started }, message.signal, signal);
  } catch (error) {
    // A signal that comes too late or that the guest does not know ends nothing: the exec goes on and so does its stream.
    if (!(error instanceof AlcoveError) || error.status >= 500) throw error;
    if (error.code !== "ExecEnded") await messages.send(JSON.stringify({ type: "error", problem: toProblem(error) }));
  }
}
