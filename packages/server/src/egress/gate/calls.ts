/** The calls that an agent may make (agent/PROTOCOL.md): a connection, a question to DNS, what time it is. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { parseAddress } from "@alcove/contract";
import { unixNanos } from "../../lib/unix-nanos.js";
import { maximumMessageBytes } from "../dns/message.js";
import type { Destination } from "../flow/destination.js";
import type { SandboxGate } from "./sandbox-gate.js";
import { writeStringsAsBytes } from "./string-writes.js";

/** How long a question may take to come. */
const questionTimeoutMs = 10_000;

export function handleCall(gate: SandboxGate, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const call = `${headers[":method"]} ${headers[":path"]}`;
  if (call === "POST /connections") openConnection(gate, stream, headers);
  else if (call === "POST /dns")
    void answerQuestion(gate, stream).catch(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  else if (call === "GET /time") answerTime(stream);
  else refuse(stream, 404);
}

function openConnection(gate: SandboxGate, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const destination = destinationIn(headers["x-alcove-destination"]);
  if (destination === undefined) {
    refuse(stream, 400);
    return;
  }
  // With an error: closed with a code alone, Node's stream says first that it ended well.
  const reset = () => void stream.destroy(new Error("reset"));
  if (!gate.mayOpen()) {
    refuse(stream, 429);
    return;
  }
  writeStringsAsBytes(stream);
  gate.count(stream);
  stream.respond({ ":status": 200 });
  gate.open({ stream, reset }, destination);
}

/** `203.0.113.5:443` or `[2001:db8::1]:443`. */
export function destinationIn(header: string | readonly string[] | undefined): Destination | undefined {
  if (typeof header !== "string" || header.length > 64) return undefined;
  const [, six, four, portText = ""] = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):([1-9]\d{0,4})$/i.exec(header) ?? [];
  const [address, port] = [six ?? four ?? "", Number(portText)];
  if (parseAddress(address) === undefined || port > 65_535) return undefined;
  return { address, port };
}

async function answerQuestion(gate: SandboxGate, stream: ServerHttp2Stream): Promise<void> {
  gate.count(stream);
  stream.setTimeout(questionTimeoutMs, () => stream.close(constants.NGHTTP2_CANCEL));
  const message = await readWhole(stream);
  if (message === undefined) return;
  const answer = await gate.answerDns(message);
  if (stream.closed) return;
  if (answer === undefined) {
    refuse(stream, 400);
    return;
  }
  stream.respond({ ":status": 200, "content-type": "application/dns-message" });
  stream.end(answer);
}

/** Undefined, and refused, where it is longer than any question; undefined where it was cut off. */
async function readWhole(stream: ServerHttp2Stream): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maximumMessageBytes) break;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  return bytes > maximumMessageBytes ? undefined : Buffer.concat(chunks);
}

function answerTime(stream: ServerHttp2Stream): void {
  stream.respond({ ":status": 200, "content-type": "application/json" });
  stream.end(JSON.stringify({ unixNanos: unixNanos().toString() }));
}

/** Without a body: nobody reads one. */
function refuse(stream: ServerHttp2Stream, status: number): void {
  if (stream.closed) return;
  stream.respond({ ":status": status }, { endStream: true });
  stream.resume();
}
