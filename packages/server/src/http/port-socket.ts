/** One connection to a port of a sandbox over a WebSocket: bytes as fast as the other side takes them, and the end of either direction. */
import type { Duplex } from "node:stream";
import { finished } from "node:stream/promises";
import { AlcoveError, type PortReceive, PortSend } from "@alcove/contract";
import { parseJson } from "../lib/parse-json.js";
import type { SocketMessages } from "./socket-messages.js";
import { validate } from "./validation.js";

/** Fulfils when both directions have ended, or the client is gone. */
export async function carryPort(connection: Duplex, messages: SocketMessages, signal: AbortSignal): Promise<void> {
  const tell = (message: PortReceive) => messages.send(JSON.stringify(message));
  const stop = () => connection.destroy();
  // Told below; it may break off while nothing of it is awaited.
  connection.on("error", () => undefined);
  signal.addEventListener("abort", stop, { once: true });
  try {
    await tell({ type: "connected" });
    await Promise.all([toClient(connection, messages, tell), fromClient(connection, messages)]);
  } catch (error) {
    if (!signal.aborted) throw connection.errored ? brokenOff(connection.errored) : error;
  } finally {
    signal.removeEventListener("abort", stop);
    connection.destroy();
  }
}

async function toClient(
  connection: Duplex,
  messages: SocketMessages,
  tell: (message: PortReceive) => Promise<void>,
): Promise<void> {
  for await (const chunk of connection.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
    await messages.send(chunk);
  await tell({ type: "end" });
}

async function fromClient(connection: Duplex, messages: SocketMessages): Promise<void> {
  for await (const message of messages) {
    if (message.kind === "bytes") await written(connection, message.bytes);
    else {
      requireEnd(message.text);
      connection.end();
      // Whoever destroys it earlier takes back what was written last.
      await finished(connection, { readable: false });
      return;
    }
  }
  // It went away without an end: that is not one.
  connection.destroy();
}

/** By its program, or with the sandbox's machine. */
function brokenOff(error: Error): AlcoveError {
  if (error instanceof AlcoveError) return error;
  return new AlcoveError("PortReset", `The connection to the program ended early: ${error.message}.`, { cause: error });
}

function written(connection: Duplex, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => connection.write(bytes, (error) => (error ? reject(error) : resolve())));
}

function requireEnd(text: string): void {
  try {
    validate(PortSend, parseJson(text), "message");
  } catch (error) {
    if (error instanceof AlcoveError) throw error;
    throw new AlcoveError("InvalidRequest", "The message is not valid JSON.", {
      hint: "Bytes travel in binary messages.",
    });
  }
}
