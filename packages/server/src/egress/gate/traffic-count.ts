/** What passes through a program's connection, counted where it enters and leaves the gateway: the sandbox has no say in it. */
import type { Duplex } from "node:stream";

export interface TrafficCount {
  /** By the program. */
  sentBytes: number;
  receivedBytes: number;
  connections: number;
}

export function noTraffic(): TrafficCount {
  return { sentBytes: 0, receivedBytes: 0, connections: 0 };
}

/** Counts into what `current` answers at the time. */
export function countTraffic(stream: Duplex, current: () => TrafficCount): void {
  countSent(stream, (bytes) => {
    current().sentBytes += bytes;
  });
  countReceived(stream, (bytes) => {
    current().receivedBytes += bytes;
  });
}

function countSent(stream: Duplex, count: (bytes: number) => void): void {
  const push = stream.push.bind(stream);
  stream.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    if (chunk !== null) count(chunk.length);
    return push(chunk, encoding);
  };
}

function countReceived(stream: Duplex, count: (bytes: number) => void): void {
  const write = stream._write.bind(stream);
  stream._write = (chunk, encoding, done) => {
    count(Buffer.byteLength(chunk, encoding));
    write(chunk, encoding, done);
  };
  const writeAll = stream._writev?.bind(stream);
  if (writeAll === undefined) return;
  stream._writev = (writes, done) => {
    for (const { chunk, encoding } of writes) count(Buffer.byteLength(chunk, encoding));
    writeAll(writes, done);
  };
}
