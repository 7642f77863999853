/**
 * Follows one exec over WebSockets until it ends. When a socket breaks, or the daemon restarts, it attaches again behind
 * the last byte that came, so no byte is lost or comes twice.
 */
import { attachExec, type Exec, fromProblem, type Problem, type StartExec, streamExec } from "@alcove/contract";
import { pathOf } from "./call.js";
import { ConnectionError } from "./errors.js";
import { type Interruption, InterruptionsToldOnce } from "./interruption.js";
import type { SandboxAddress } from "./scope.js";
import { followMended } from "./stream-mending.js";
import type { TransportSocket } from "./transport.js";

export interface ExecListener {
  started(exec: Exec): void;
  /** Not fulfilling holds the exec back. */
  output(stream: "stdout" | "stderr", bytes: Uint8Array): Promise<void>;
  /** So many bytes are not kept any more and will never come. */
  lost(bytes: number): void;
  /** The sandbox stood still between what came and what comes. */
  interrupted(interruption: Interruption): void;
}

export interface ExecStreamOptions {
  readonly address: SandboxAddress;
  readonly execId: string;
  /** Starts the exec; without, it is there already. */
  readonly start?: StartExec;
  readonly offset: number;
  readonly listener: ExecListener;
  readonly signal: AbortSignal;
}

const headerBytes = 9;
/** Fulfils with the exec as it was when it ended. */
export function followExec(options: ExecStreamOptions): Promise<Exec> {
  const { start, signal } = options;
  const state: State = { ...options, isStarted: start === undefined, interruptions: new InterruptionsToldOnce() };
  return followMended({
    openStarted: start && (() => openStarted(state)),
    openAttached: () => openAttached(state),
    receive: (socket) => receive(state, socket),
    isStarted: () => state.isStarted,
    signal,
  });
}

type State = Omit<ExecStreamOptions, "offset"> & {
  offset: number;
  isStarted: boolean;
  readonly interruptions: InterruptionsToldOnce;
};

async function openStarted({ address, start, signal }: State): Promise<TransportSocket> {
  const socket = await address.transport.openSocket(pathOf(streamExec, address.params), signal);
  await socket.send(JSON.stringify({ type: "start", start }));
  return socket;
}

function openAttached({ address, execId, offset, signal }: State): Promise<TransportSocket> {
  const path = pathOf(attachExec, { ...address.params, execId }, { offset });
  return address.transport.openSocket(path, signal);
}

async function receive(state: State, socket: TransportSocket): Promise<Exec> {
  try {
    for await (const message of socket.messages) {
      const ended = typeof message === "string" ? control(state, message) : await output(state, message);
      if (ended !== undefined) return ended;
    }
  } finally {
    socket.close();
  }
  throw new ConnectionError("The stream ended before its exec.", { isUnsent: false });
}

function control(state: State, text: string): Exec | undefined {
  const message = JSON.parse(text) as
    | { type: "started" | "end"; exec: Exec }
    | { type: "gap"; from: number; to: number }
    | ({ type: "interrupted" } & Interruption)
    | { type: "error"; problem: Problem };
  if (message.type === "error") throw fromProblem(message.problem);
  if (message.type === "end") return message.exec;
  if (message.type === "interrupted") {
    const interruption = state.interruptions.next(message);
    if (interruption !== undefined) state.listener.interrupted(interruption);
  } else if (message.type === "gap") {
    state.listener.lost(Math.max(0, message.to - Math.max(message.from, state.offset)));
    state.offset = Math.max(state.offset, message.to);
  } else if (message.type === "started") {
    state.isStarted = true;
    state.listener.started(message.exec);
  }
  return undefined;
}

async function output(state: State, frame: Uint8Array): Promise<undefined> {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const offset = Number(view.getBigUint64(1));
  // What came already is cut off: an attachment may begin in the middle of a frame.
  const bytes = frame.subarray(headerBytes + Math.max(0, state.offset - offset));
  if (bytes.byteLength === 0) return;
  state.offset = offset + frame.byteLength - headerBytes;
  state.interruptions.forget();
  await state.listener.output(frame[0] === 1 ? "stdout" : "stderr", bytes);
}
