/** Bodies of requests: JSON whole and bounded, bytes as they come. */
import type { IncomingMessage } from "node:http";
import { AlcoveError, type Payload } from "@alcove/contract";
import { parseJson } from "../lib/parse-json.js";

export const maximumJsonBytes = 4 * 1_048_576;

/** How long a client may take to send a JSON body. Bytes have no such limit: they flow as slowly as the guest takes them. */
const jsonDeadlineMs = 30_000;

const byteTypes = new Set(["application/octet-stream", "application/x-tar"]);

/** The body as the endpoint's payload says: parsed JSON, the request itself as a stream of bytes, or nothing. */
export async function readBody(request: IncomingMessage, payload: Payload): Promise<unknown> {
  if (payload === "none") return refuseBody(request);
  const type = request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  if (payload === "bytes") {
    if (type !== undefined && !byteTypes.has(type)) throw unsupported(type, "application/octet-stream");
    return request;
  }
  if (type !== "application/json") throw unsupported(type, "application/json");
  return parseBody(await readText(request));
}

function refuseBody(request: IncomingMessage): undefined {
  const length = request.headers["content-length"];
  if (request.headers["transfer-encoding"] === undefined && (length === undefined || length === "0")) return undefined;
  throw new AlcoveError("InvalidRequest", `${request.method} takes no body here.`, {
    field: "body",
    hint: "Send the request without a body.",
  });
}

function unsupported(seen: string | undefined, wanted: string): AlcoveError {
  const saw = seen === undefined ? "The request has no content type" : `The content type is ${seen.slice(0, 80)}`;
  return new AlcoveError("UnsupportedMediaType", `${saw}; this endpoint takes ${wanted}.`, {
    field: "content-type",
    hint: `Send content-type: ${wanted}.`,
    ...(seen === undefined ? {} : { value: seen.slice(0, 80) }),
  });
}

function readText(request: IncomingMessage): Promise<string> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > maximumJsonBytes) return Promise.reject(tooLarge(announced));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (act: () => void) => {
      clearTimeout(deadline);
      request.off("data", onData).off("end", onEnd).off("error", onError).off("close", onClose);
      act();
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > maximumJsonBytes) settle(() => reject(tooLarge(size)));
    };
    const onEnd = () => settle(() => resolve(Buffer.concat(chunks).toString("utf8")));
    const onError = (error: Error) => settle(() => reject(error));
    const onClose = () => onError(new Error("The client went away in the middle of its request"));
    const deadline = setTimeout(() => settle(() => reject(tooSlow(size))), jsonDeadlineMs);
    request.on("data", onData).on("end", onEnd).on("error", onError).on("close", onClose);
  });
}

function tooLarge(bytes: number): AlcoveError {
  return new AlcoveError(
    "RequestTooLarge",
    `The JSON body has ${bytes} bytes or more; the limit is ${maximumJsonBytes}.`,
    { field: "body", value: String(bytes) },
  );
}

function tooSlow(bytes: number): AlcoveError {
  const detail = `The JSON body was not complete after ${jsonDeadlineMs / 1_000} s; ${bytes} bytes had come.`;
  return new AlcoveError("Timeout", detail, { field: "body" });
}

function parseBody(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AlcoveError("InvalidRequest", `The body is not valid JSON: ${reason.slice(0, 200)}.`, {
      field: "body",
      hint: "Send one JSON object.",
    });
  }
}
