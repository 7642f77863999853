/** Passes bytes between a program and a server until both are done: each direction ends by itself, a reset of one is a reset of the other. */
import type { Socket } from "node:net";
import { type Program, wasReset } from "./program.js";
import { resetSocket } from "./reset-socket.js";

export interface Traffic {
  /** By the program. */
  sent: number;
  received: number;
}

/** Passes on what the server sends, from now on. */
export function relayAnswers(server: Socket, program: Program, traffic: Traffic): void {
  const { stream } = program;
  server.on("data", (chunk: Buffer) => {
    traffic.received += chunk.length;
    if (!stream.destroyed && !stream.write(chunk)) server.pause();
  });
  stream.on("drain", () => server.resume());
  server.once("end", () => stream.end());
  server.resume();
}

/** Passes on what the program sends; `first` was taken from it before. Fulfils when the connection is over; never rejects. */
export function relayRequests(program: Program, server: Socket, first: Buffer, traffic: Traffic): Promise<void> {
  const { stream } = program;
  const send = (chunk: Buffer) => {
    traffic.sent += chunk.length;
    if (!server.destroyed && !server.write(chunk)) stream.pause();
  };
  if (first.length > 0) send(first);
  server.on("drain", () => stream.resume());
  stream.on("data", send);
  stream.once("end", () => server.end());
  if (stream.readableEnded) server.end();
  if (!server.writableNeedDrain) stream.resume();
  return over(program, server);
}

function over(program: Program, server: Socket): Promise<void> {
  const { stream } = program;
  const programGone = new Promise<void>((resolve) => {
    const gone = () => {
      if (wasReset(program)) resetSocket(server);
      resolve();
    };
    if (stream.closed) gone();
    else stream.once("close", gone);
  });
  const serverGone = new Promise<void>((resolve) => {
    const gone = () => {
      if (!server.readableEnded || !server.writableFinished) program.reset();
      resolve();
    };
    if (server.closed) gone();
    else server.once("close", gone);
  });
  return Promise.all([programGone, serverGone]).then(() => {});
}
