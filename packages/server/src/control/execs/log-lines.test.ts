import fc from "fast-check";
import { expect, test } from "vitest";
import { type LogLine, LogLines, type LogPiece, longestLineBytes } from "./log-lines.js";

const piece = (stream: LogPiece["stream"], text: string, unixMs = 1): LogPiece => ({
  stream,
  unixMs,
  bytes: Buffer.from(text),
});
const text = ({ stream, bytes, isPartial }: LogLine) =>
  `${stream === "stdout" ? "o" : "e"}${isPartial ? "…" : ""}:${Buffer.from(bytes).toString()}`;

function linesOf(...pieces: readonly LogPiece[]): LogLine[] {
  const lines = new LogLines();
  return [...pieces.flatMap((given) => [...lines.push(given)]), ...lines.rest()];
}

test("lines of both streams are not mixed, and stand in the order of their ends", () => {
  const lines = linesOf(
    piece("stdout", "one\ntw"),
    piece("stderr", "fail"),
    piece("stdout", "o\n"),
    piece("stderr", "ed\nx"),
  );
  expect(lines.map(text)).toEqual(["o:one\n", "o:two\n", "e:failed\n", "e…:x"]);
});

test("a line has the time of its beginning", () => {
  const lines = linesOf(piece("stdout", "be", 1), piece("stdout", "gun\nnext\n", 2));
  expect(lines.map(({ unixMs }) => unixMs)).toEqual([1, 2]);
});

test("a line without end comes in parts, and nothing is kept of it", () => {
  const lines = linesOf(piece("stdout", "x".repeat(2 * longestLineBytes + 5)), piece("stdout", "\n"));
  expect(lines.map(({ bytes, isPartial }) => [bytes.length, isPartial])).toEqual([
    [longestLineBytes, true],
    [longestLineBytes, true],
    [6, false],
  ]);
});

test("whatever the pieces are, no byte of a stream is lost, doubled or moved", () => {
  const pieces = fc.array(
    fc.record({
      stream: fc.constantFrom("stdout" as const, "stderr" as const),
      text: fc.string({ unit: fc.constantFrom("a", "\n", "ü") }),
    }),
  );
  fc.assert(
    fc.property(pieces, (given) => {
      const lines = linesOf(...given.map(({ stream, text }) => piece(stream, text)));
      for (const stream of ["stdout", "stderr"] as const) {
        const whole = given.flatMap((part) => (part.stream === stream ? [part.text] : [])).join("");
        const seen = Buffer.concat(lines.flatMap((line) => (line.stream === stream ? [line.bytes] : [])));
        expect(seen.toString()).toBe(whole);
      }
    }),
  );
});
