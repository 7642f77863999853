/**
 * Follows one exec over WebSockets until it ends. When a socket breaks, or the daemon restarts, it attaches again behind
 * the last byte that came, so no byte is lost or comes twice.
 */
import {
  AlcoveError,
  attachExec,
  type Exec,
  fromProblem,
  type Problem,
  type StartExec,
  streamExec,
} from "@alcove/contract";
import { backOff } from "./back-off.js";
import { maximumRetryAfterMs, pathOf } from "./call.js";
import { ConnectionError } from "./errors.js";
import type { SandboxAddress } from "./scope.js";
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

export interface Interruption {
  readonly stoppedAt: string;
  readonly resumedAt: string;
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

/** For so long a broken stream is mended before the follower gives up. */
const mendingMs = 60_000;
/** A stream that could never be opened is given up as soon as any call. */
const firstAttempts = 4;
const headerBytes = 9;
/** More than a sandbox keeps. */
const maximumInterruptions = 100;

/** Fulfils with the exec as it was when it ended. */
export async function followExec(options: ExecStreamOptions): Promise<Exec> {
  const { signal } = options;
  const state: State = { ...options, isStarted: options.start === undefined, interruptions: [] };
  let open = options.start === undefined ? openAttached : openStarted;
  let brokenSince: number | undefined;
  let askedMs: number | undefined;
  let wasOpen = false;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const socket = await open(state);
      wasOpen = true;
      if (brokenSince !== undefined) [brokenSince, attempt] = [undefined, 1];
      return await receive(state, socket);
    } catch (error) {
      signal.throwIfAborted();
      askedMs = error instanceof AlcoveError ? error.retryAfterMs : undefined;
      brokenSince ??= Date.now();
      const isUnknown = error instanceof AlcoveError && error.code === "ExecNotFound" && !state.isStarted;
      if (!isUnknown && !isMendable(error)) throw error;
      if (wasOpen ? Date.now() - brokenSince > mendingMs : attempt === firstAttempts) throw error;
      open = isUnknown ? openStarted : openAttached;
    }
    await backOff(attempt, signal, askedMs);
  }
}

type State = Omit<ExecStreamOptions, "offset"> & {
  offset: number;
  isStarted: boolean;
  /** Those at the offset: they come again with an attachment there. */
  interruptions: readonly Interruption[];
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
  if (message.type === "interrupted") interrupt(state, message);
  else if (message.type === "gap") {
    state.listener.lost(Math.max(0, message.to - Math.max(message.from, state.offset)));
    state.offset = Math.max(state.offset, message.to);
  } else if (message.type === "started") {
    state.isStarted = true;
    state.listener.started(message.exec);
  }
  return undefined;
}

function interrupt(state: State, { stoppedAt, resumedAt }: Interruption): void {
  const isKnown = state.interruptions.some((known) => known.stoppedAt === stoppedAt && known.resumedAt === resumedAt);
  if (isKnown) return;
  const interruption = { stoppedAt, resumedAt };
  state.interruptions = [...state.interruptions.slice(-maximumInterruptions), interruption];
  state.listener.interrupted(interruption);
}

async function output(state: State, frame: Uint8Array): Promise<undefined> {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const offset = Number(view.getBigUint64(1));
  // What came already is cut off: an attachment may begin in the middle of a frame.
  const bytes = frame.subarray(headerBytes + Math.max(0, state.offset - offset));
  if (bytes.byteLength === 0) return;
  state.offset = offset + frame.byteLength - headerBytes;
  state.interruptions = [];
  await state.listener.output(frame[0] === 1 ? "stdout" : "stderr", bytes);
}

function isMendable(error: unknown): boolean {
  if (error instanceof ConnectionError) return error.isPassing;
  if (!(error instanceof AlcoveError) || (error.retryAfterMs ?? 0) > maximumRetryAfterMs) return false;
  return error.code === "DaemonStopping" || error.code === "TooManyRequests";
}
