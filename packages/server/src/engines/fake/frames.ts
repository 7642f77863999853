/** Writes an exec's output as frames (agent/PROTOCOL.md), no faster than they are taken. */
import type { ServerHttp2Stream } from "node:http2";
import type { FakeExec } from "./execs.js";

const codes = { status: 0, stdout: 1, stderr: 2, end: 3, gap: 4, time: 5, interrupted: 6 } as const;
const outputBytes = 65_536 - 8;

export async function streamFrames(
  exec: FakeExec,
  offset: number,
  stream: ServerHttp2Stream,
  signal: AbortSignal,
  { isLog = false }: { readonly isLog?: boolean } = {},
): Promise<void> {
  stream.respond({ ":status": 200, "content-type": "application/octet-stream" });
  stream.write(frame("status", Buffer.from(JSON.stringify(exec.status()))));
  for await (const piece of exec.journal.read(offset, signal, { isLookingOn: isLog })) {
    if ("from" in piece) await writeAll(stream, frame("gap", numbers(piece.from, piece.to)));
    else if ("stoppedAtUnixMs" in piece)
      await writeAll(stream, frame("interrupted", numbers(piece.stoppedAtUnixMs, piece.resumedAtUnixMs)));
    else {
      if (isLog) await writeAll(stream, frame("time", numbers(piece.unixMs)));
      for (let at = 0; at < piece.bytes.length; at += outputBytes)
        await writeAll(
          stream,
          frame(piece.stream, Buffer.concat([numbers(piece.offset + at), piece.bytes.subarray(at, at + outputBytes)])),
        );
    }
  }
  stream.end(frame("end", Buffer.from(JSON.stringify(exec.status()))));
}

/** Answers when the stream has taken the bytes, or is gone. */
export function writeAll(stream: ServerHttp2Stream, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) return resolve();
    const done = () => {
      stream.off("close", done);
      resolve();
    };
    stream.once("close", done);
    stream.write(bytes, done);
  });
}

function frame(kind: keyof typeof codes, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt8(codes[kind]);
  header.writeUInt32BE(payload.length, 1);
  return Buffer.concat([header, payload]);
}

function numbers(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 8);
  for (const [index, value] of values.entries()) buffer.writeBigUInt64BE(BigInt(value), index * 8);
  return buffer;
}
