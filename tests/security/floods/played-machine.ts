/**
 * A machine whose agent floods, as a process of its own with the niceness of one: `played-machine.ts FOLDER FLOOD`. It listens on FOLDER/agent and
 * FOLDER/host, answers hellos, and pours on one of them as fast as it is taken; on the other it is silent.
 */
import { createServer, type Socket } from "node:net";
import { setPriority } from "node:os";
import { join } from "node:path";
import { answerHello } from "../../../packages/server/src/guest/agent-test-kit.js";
import { type Flood, type FloodName, floods } from "./floods.js";

const batchBytes = 262_144;
const prefaceBytes = 24;
const headersFrame = 1;

const [folder = "", name = ""] = process.argv.slice(2);
const flood: Flood = floods[name as FloodName];
setPriority(10);
let sessions = 0;

for (const line of ["agent", "host"] as const) {
  createServer((socket) => {
    socket.on("error", () => {});
    answerHello(socket, () => {
      if (line !== flood.line) return void socket.resume();
      sessions++;
      socket.write(flood.opening);
      if (flood.isAnswer) onceAsked(socket, (streamId) => pour(socket, streamId));
      else pour(socket.resume(), 1);
    });
  }).listen(join(folder, line), () => process.send?.("listens"));
}
process.on("message", () => process.send?.(sessions));
process.on("disconnect", () => process.exit(0));

function pour(socket: Socket, first: number): void {
  let streamId = first;
  const fixed = flood.isNumbered ? undefined : batch(() => first);
  const more = () => {
    if (socket.destroyed) return;
    const bytes =
      fixed ??
      batch(() => {
        streamId += 2;
        return streamId;
      });
    socket.write(bytes, () => setImmediate(more));
  };
  more();
}

function batch(nextId: () => number): Buffer {
  const units: Buffer[] = [];
  for (let size = 0; size < batchBytes; size += units.at(-1)?.length ?? 1) units.push(flood.unit(nextId()));
  return Buffer.concat(units);
}

/** Calls back with the stream of the daemon's first request. */
function onceAsked(socket: Socket, callback: (streamId: number) => void): void {
  let seen = Buffer.alloc(0);
  let isAsked = false;
  socket.on("data", (chunk: Buffer) => {
    if (isAsked) return;
    seen = Buffer.concat([seen, chunk]);
    for (let at = prefaceBytes; seen.length >= at + 9; at += 9 + seen.readUIntBE(at, 3)) {
      if (seen.readUInt8(at + 3) !== headersFrame) continue;
      isAsked = true;
      return callback(seen.readUInt32BE(at + 5));
    }
  });
}
