/** The fake agent's connections to ports, as frames. */
import { duplexPair } from "node:stream";
import { AlcoveError } from "@alcove/contract";
import type { Request } from "./routes.js";

const kinds = { data: 1, end: 2, taken: 3 };
const longestData = 32 * 1024;

export function connectPort({ machine, stream, id }: Pick<Request, "machine" | "stream" | "id">): void {
  const accept = machine.listeners.get(Number(id));
  if (accept === undefined) throw new AlcoveError("PortRefused", `Nothing listens on port ${id}.`);
  const [program, ours] = duplexPair();
  accept(program);
  stream.respond({ ":status": 200, "content-type": "application/octet-stream" });
  const send = (kind: number, number: number, bytes: Uint8Array = Buffer.alloc(0)) => {
    if (!stream.writable) return true;
    const head = Buffer.alloc(4);
    head.writeUInt32BE(kind * 2 ** 24 + number);
    return stream.write(Buffer.concat([head, bytes]));
  };
  ours.on("data", (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += longestData) {
      const piece = chunk.subarray(at, at + longestData);
      if (!send(kinds.data, piece.length, piece)) ours.pause();
    }
  });
  stream.on("drain", () => ours.resume());
  ours.once("end", () => send(kinds.end, 0));
  stream.on("data", (chunk: Buffer) => {
    stream.pause();
    ours.write(chunk, () => {
      send(kinds.taken, chunk.length);
      stream.resume();
    });
  });
  stream.once("end", () => ours.end());
  // Both directions have ended, or either end is gone.
  ours.once("close", () => (ours.readableEnded && ours.writableFinished ? stream.end() : stream.close(2)));
  program.once("close", () => {
    if (!program.readableEnded || !program.writableFinished) ours.destroy();
  });
  stream.once("close", () => {
    if (ours.writableFinished) return;
    ours.destroy();
    program.destroy();
  });
  ours.on("error", () => {});
  program.on("error", () => {});
}
