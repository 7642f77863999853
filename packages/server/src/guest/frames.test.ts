import fc from "fast-check";
import { expect, test } from "vitest";
import { ProtocolBreak } from "./fault.js";
import { FrameParser } from "./frames.js";
import type { LogFrame } from "./guest.js";

const running = {
  id: "a",
  argv: ["sh"],
  pid: 7,
  state: "Running",
  timedOut: false,
  startedAtUnixMs: 1,
  stdoutBytes: 0,
  stderrBytes: 0,
  droppedBytes: 0,
  stderrDroppedBytes: 0,
  stdinOpen: false,
  durationMs: 0,
};
const ended = (total: number) => ({ ...running, state: "Exited", exitCode: 0, stdoutBytes: total });

test("frames mean the same however they are cut into chunks", () => {
  const parts = fc.array(
    fc.record({ kind: fc.constantFrom(1, 2), bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }) }),
  );
  fc.assert(
    fc.property(parts, fc.array(fc.nat(50)), (pieces, cuts) => {
      const total = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
      const wire = Buffer.concat([status(running), ...outputs(pieces), frame(3, json(ended(total)))]);
      const frames = parse(cut(wire, cuts));
      const expected = pieces.flatMap(({ kind, bytes }) => [...bytes].map((byte) => [kind, byte]));
      expect(bytesOf(frames)).toEqual(expected);
      expect(frames.map(({ kind }) => kind).filter((kind) => kind === "status" || kind === "end")).toEqual([
        "status",
        "end",
      ]);
    }),
  );
});

test("output is handed on without a copy", () => {
  const wire = Buffer.concat([status(running), output(1, 0, Buffer.from("text"))]);
  const piece = parse([wire])[1];
  expect(piece?.kind === "stdout" && piece.bytes.buffer).toBe(wire.buffer);
});

test("a gap moves on to its end, and output from there follows", () => {
  const wire = [status({ ...running, stdoutBytes: 100 }), frame(4, numbers(3, 90)), output(1, 90, Buffer.alloc(10))];
  expect(parse(wire, 3).slice(1)).toMatchObject([
    { kind: "gap", from: 3, to: 90 },
    { kind: "stdout", offset: 90 },
  ]);
});

test("a sleep is told with its times, and one that no clock could show breaks the protocol", () => {
  expect(parse([status(running), frame(6, numbers(1_000, 5_000))])[1]).toEqual({
    kind: "interrupted",
    stoppedAtUnixMs: 1_000,
    resumedAtUnixMs: 5_000,
  });
  for (const payload of [
    numbers(5_000, 1_000),
    numbers(1, Number.MAX_SAFE_INTEGER),
    numbers(1),
    Buffer.alloc(16, 0xff),
  ])
    expect(() => parse([status(running), frame(6, payload)])).toThrow(ProtocolBreak);
  expect(() => parse([frame(6, numbers(1_000, 5_000))])).toThrow(ProtocolBreak);
});

test("asked to begin past the end, the agent begins at the end", () => {
  const wire = [status({ ...running, stdoutBytes: 5 }), output(1, 5, Buffer.from("x")), frame(3, json(ended(6)))];
  expect(parse(wire, 1_000)).toHaveLength(3);
});

test.each<[string, Buffer[]]>([
  ["an unknown kind", [status(running), frame(9, Buffer.alloc(1))]],
  ["output before its status", [output(1, 0, Buffer.from("x"))]],
  ["a second status", [status(running), status(running)]],
  ["output of more than 64 KiB in a frame", [status(running), header(1, 65_537)]],
  ["a status without end", [header(0, 2 ** 31)]],
  ["an empty frame of output", [status(running), frame(1, numbers(0))]],
  ["output cut short of its offset", [status(running), frame(1, Buffer.alloc(3))]],
  ["output that leaves something out", [status(running), output(1, 5, Buffer.from("x"))]],
  ["output that comes twice", [status(running), output(1, 0, Buffer.from("xyz")), output(2, 1, Buffer.from("x"))]],
  [
    "an offset beyond all numbers",
    [status(running), frame(1, Buffer.concat([Buffer.alloc(8, 255), Buffer.from("x")]))],
  ],
  ["a gap backwards", [status(running), frame(4, numbers(0, 0))]],
  ["a gap of another size", [status(running), frame(4, Buffer.alloc(17))]],
  ["a gap beyond all numbers", [status(running), frame(4, Buffer.concat([numbers(0), Buffer.alloc(8, 255)]))]],
  ["an end while it runs", [status(running), frame(3, json(running))]],
  ["an end that counts other bytes", [status(running), frame(3, json(ended(9)))]],
  ["something after the end", [status(running), frame(3, json(ended(0))), output(1, 0, Buffer.from("x"))]],
  ["a time that nobody asked for", [status(running), frame(5, Buffer.alloc(8))]],
  ["a status that is not JSON", [frame(0, Buffer.from("{"))]],
  ["a status of another shape", [frame(0, json({ ...running, pid: "7" }))]],
  ["an exit code that none has", [status(running), frame(3, json({ ...ended(0), exitCode: 1e9 }))]],
])("%s is a break of the protocol", (_, wire) => {
  expect(() => parse(wire)).toThrow(ProtocolBreak);
});

function parse(chunks: Iterable<Buffer>, offset = 0): LogFrame[] {
  const parser = new FrameParser(offset);
  return [...chunks].flatMap((chunk) => [...parser.push(chunk)]);
}

function bytesOf(frames: readonly LogFrame[]): number[][] {
  let next = 0;
  return frames.flatMap((piece) => {
    if (piece.kind !== "stdout" && piece.kind !== "stderr") return [];
    expect(piece.offset).toBe(next);
    next += piece.bytes.length;
    return [...piece.bytes].map((byte) => [piece.kind === "stdout" ? 1 : 2, byte]);
  });
}

function outputs(pieces: readonly { kind: number; bytes: Uint8Array }[]): Buffer[] {
  let offset = 0;
  return pieces.map(({ kind, bytes }) => {
    const at = offset;
    offset += bytes.length;
    return output(kind, at, bytes);
  });
}

function cut(wire: Buffer, cuts: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const length of cuts) {
    chunks.push(wire.subarray(at, at + length));
    at = Math.min(wire.length, at + length);
  }
  return [...chunks, wire.subarray(at)];
}

function status(value: unknown): Buffer {
  return frame(0, json(value));
}

function output(kind: number, offset: number, bytes: Uint8Array): Buffer {
  return frame(kind, Buffer.concat([numbers(offset), bytes]));
}

function frame(kind: number, payload: Buffer): Buffer {
  return Buffer.concat([header(kind, payload.length), payload]);
}

function header(kind: number, length: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt8(kind);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

function numbers(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 8);
  for (const [index, value] of values.entries()) buffer.writeBigUInt64BE(BigInt(value), index * 8);
  return buffer;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
