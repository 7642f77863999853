/** What is under way: each answer and each socket has a signal that aborts when its client is gone, or when the daemon's patience is over. */
import { setMaxListeners } from "node:events";
import type { ServerResponse } from "node:http";
import { AlcoveError } from "@alcove/contract";

export interface Underway {
  readonly signal: AbortSignal;
  readonly daemonSignal: AbortSignal;
}

export interface Connections {
  /** Once `finish` was called the connection ends with the answer. */
  begin(response: ServerResponse): Underway & { readonly end: (reason: Error) => void };
  /** For a WebSocket: aborted at once when the daemon stops. `done` says that it is over. */
  beginSocket(): { readonly signal: AbortSignal; readonly done: () => void };
  /** Fulfils when nothing is under way any more; aborts what is left after the deadline. */
  finish(deadlineMs: number): Promise<void>;
}

const politeMs = 500;

export function createConnections(): Connections {
  const daemon = new AbortController();
  // Every creation that is waited for listens to it.
  setMaxListeners(0, daemon.signal);
  const answers = new Set<AbortController>();
  const sockets = new Set<AbortController>();
  let isStopping = false;
  let idle: (() => void) | undefined;
  const leave = (set: Set<AbortController>, controller: AbortController) => {
    set.delete(controller);
    if (answers.size + sockets.size === 0) idle?.();
  };
  return {
    begin(response) {
      const controller = new AbortController();
      answers.add(controller);
      response.once("close", () => {
        leave(answers, controller);
        if (!response.writableFinished) controller.abort(new Error("The client is gone"));
      });
      if (isStopping) response.shouldKeepAlive = false;
      return { signal: controller.signal, daemonSignal: daemon.signal, end: ending(response, controller) };
    },
    beginSocket() {
      const controller = new AbortController();
      sockets.add(controller);
      if (isStopping) controller.abort(stopping());
      return { signal: controller.signal, done: () => leave(sockets, controller) };
    },
    async finish(deadlineMs) {
      isStopping = true;
      for (const socket of sockets) socket.abort(stopping());
      if (answers.size + sockets.size === 0) return;
      const becameIdle = new Promise<void>((resolve) => (idle = resolve));
      const deadline = setTimeout(() => {
        daemon.abort(stopping());
        for (const answer of answers) answer.abort(stopping());
        // What does not heed its signal is not waited for.
        setTimeout(() => idle?.(), politeMs).unref();
      }, deadlineMs);
      await becameIdle;
      clearTimeout(deadline);
    },
  };
}

function stopping(): AlcoveError {
  return new AlcoveError("DaemonStopping");
}

/** Breaks work off. What does not heed its signal loses its connection. */
function ending(response: ServerResponse, controller: AbortController): (reason: Error) => void {
  return (reason) => {
    controller.abort(reason);
    setTimeout(() => response.destroy(), politeMs).unref();
  };
}
