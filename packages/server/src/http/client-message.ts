/** Messages of a client over a WebSocket, parsed before they are believed. */
import { AlcoveError } from "@alcove/contract";
import type { z } from "zod";
import { parseJson } from "../lib/parse-json.js";
import type { SocketMessage, SocketMessages } from "./socket-messages.js";
import { validate } from "./validation.js";

const startDeadlineMs = 30_000;

/** A message of text, by its schema. */
export function parseMessage<Schema extends z.ZodType>(schema: Schema, message: SocketMessage): z.output<Schema> {
  if (message.kind === "bytes") {
    throw new AlcoveError("InvalidRequest", "Messages are text here, and this one is binary.", {
      hint: 'Send JSON, with what is typed in base64: {"type":"stdin","data":"bHMK"}.',
    });
  }
  return validate(schema, jsonOf(message.text), "message");
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : "";
    throw new AlcoveError("InvalidRequest", `The message is not valid JSON: ${reason}.`, {
      hint: "Text messages are JSON.",
    });
  }
}

export async function firstMessage(messages: SocketMessages, signal: AbortSignal): Promise<SocketMessage> {
  const deadline = AbortSignal.timeout(startDeadlineMs);
  const late = new Promise<never>((_resolve, reject) => {
    const stop = () => reject(new AlcoveError("Timeout", `No start message came within ${startDeadlineMs / 1_000} s.`));
    deadline.addEventListener("abort", stop, { once: true });
    signal.addEventListener("abort", stop, { once: true });
  });
  const { value } = await Promise.race([messages[Symbol.asyncIterator]().next(), late]);
  if (value === undefined) throw new AlcoveError("InvalidRequest", "The socket was closed before the start message.");
  return value;
}
