import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Needles } from "./needles.js";
import { Redaction, redacted } from "./redaction.js";

/** So few letters that needles meet, overlap and begin one another. */
const letters = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength, maxLength }).map((text) => Buffer.from(text));
const needles = fc.array(letters(2, 12), { minLength: 1, maxLength: 6 });

/** Byte by byte, needle by needle. */
function plainly(data: Buffer, all: readonly Buffer[]): string {
  const result = Buffer.from(data);
  for (let at = 0; at < data.length; at++) {
    for (const needle of all) {
      if (data.subarray(at, at + needle.length).equals(needle)) result.fill("*", at, at + needle.length);
    }
  }
  return result.toString();
}

test("what is found in one piece is what a slow search finds", () => {
  fc.assert(
    fc.property(letters(0, 60), needles, (data, all) => {
      const before = data.toString();
      expect(redacted(data, new Needles(all)).toString()).toBe(plainly(data, all));
      expect(data.toString()).toBe(before);
    }),
    { numRuns: 2_000 },
  );
});

test("and so is what is found in a stream, wherever it is cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(letters(1, 9), { maxLength: 12 }), needles, async (chunks, all) => {
      const stream = Readable.from(chunks, { objectMode: false }).pipe(new Redaction(new Needles(all)));
      expect((await buffer(stream)).toString()).toBe(plainly(Buffer.concat(chunks), all));
    }),
    { numRuns: 500 },
  );
});

test("what is held back says nothing about the needles, and is less than the longest of them", () => {
  fc.assert(
    fc.property(fc.array(letters(1, 9), { maxLength: 12 }), needles, (chunks, all) => {
      const [like, unlike] = [new Redaction(new Needles(all)), new Redaction(new Needles(all))];
      let held = 0;
      for (const chunk of chunks) {
        like.write(chunk);
        unlike.write(Buffer.alloc(chunk.length, "x"));
        const went = like.read()?.length ?? 0;
        expect(unlike.read()?.length ?? 0).toBe(went);
        held += chunk.length - went;
        expect(held).toBeLessThan(Math.max(...all.map(({ length }) => length)));
      }
      like.destroy();
      unlike.destroy();
    }),
    { numRuns: 500 },
  );
});

test("a line goes on at once where no needle has a line break, the rest when nothing comes for a while", async () => {
  const redaction = new Redaction(new Needles([Buffer.from("s3cret-value")]), { quietMs: 20 });
  redaction.write("data: 1\n\ns3c");
  expect(redaction.read()?.toString()).toBe("data: 1\n\n");
  redaction.read(0);
  await once(redaction, "readable");
  expect(redaction.read()?.toString()).toBe("s3c");
  // What is there of it already is not forgotten.
  redaction.end("ret-value.");
  expect((await buffer(redaction)).toString()).toBe("*********.");
});

test("who does not read cannot have a value cut", async () => {
  const redaction = new Redaction(new Needles([Buffer.from("s3cret-value")]), { quietMs: 5 });
  redaction.write("unread before the value\ns3c");
  await sleep(50);
  redaction.end("ret-value.");
  expect((await buffer(redaction)).toString()).toBe("unread before the value\n************.");
});

test("thousands of needles take no longer than one, in text of the letters that they are of", () => {
  const hex = (bytes: number) => Buffer.from(randomBytes(bytes).toString("hex"));
  const many = new Needles(Array.from({ length: 20_000 }, () => hex(64)));
  const data = hex(512 * 1024);
  const before = process.cpuUsage();
  for (let at = 0; at < data.length; at += 65_536) redacted(data.subarray(at, at + 65_536), many);
  // Looked up by their last two bytes, of which there are 256, it took several seconds.
  expect(process.cpuUsage(before).user / 1_000).toBeLessThan(800);
});
