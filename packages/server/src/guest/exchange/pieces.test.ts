import fc from "fast-check";
import { expect, test } from "vitest";
import { beginningOf, gathered, groupsOf, withoutFirst, withRest } from "./pieces.js";

const KiB = 1024;
const somePieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 });

test("groups have exactly their size but for the last, and hold all bytes in their order", async () => {
  await fc.assert(
    fc.asyncProperty(somePieces, fc.integer({ min: 1, max: 70 }), async (pieces, bytes) => {
      const groups = await all(groupsOf(from(pieces), bytes));
      const sizes = groups.map((group) => Buffer.concat(group).length);
      expect(sizes.slice(0, -1).every((size) => size === bytes)).toBe(true);
      expect(sizes.every((size) => size > 0 && size <= bytes)).toBe(true);
      expect(Buffer.concat(groups.flat())).toEqual(Buffer.concat(pieces));
    }),
  );
});

test("groups share the memory of their pieces", async () => {
  const piece = Buffer.alloc(100);
  const [group] = await all(groupsOf(from([piece]), 30));
  expect(group?.[0]?.buffer).toBe(piece.buffer);
});

test("what is gathered is the same bytes, however they came", async () => {
  const sized = fc.array(fc.constantFrom(0, 1, 100, 16 * KiB - 1, 16 * KiB, 16 * KiB + 1, 40_000), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(sized, async (sizes) => {
      const pieces = sizes.map((size, index) => Buffer.alloc(size, index));
      const come = await all(gathered(from(pieces)));
      expect(Buffer.concat(come).equals(Buffer.concat(pieces))).toBe(true);
      expect(come.every(({ length }) => length > 0)).toBe(true);
    }),
  );
});

test("tiny pieces are put together, empty ones are none, and large ones are not copied", async () => {
  const large = Buffer.alloc(16 * KiB);
  const tiny = Array.from({ length: 40 * KiB }, (_, index) => Buffer.of(index % 251));
  const empty = Array.from({ length: 1_000 }, () => Buffer.alloc(0));
  const come = await all(gathered(from([...tiny, ...empty, large, ...tiny])));
  expect(come.map(({ length }) => length / KiB)).toEqual([16, 16, 8, 16, 16, 16, 8]);
  expect(come[3]).toBe(large);
});

test("a beginning is as long as asked for at least, and the rest comes after it", async () => {
  await fc.assert(
    fc.asyncProperty(somePieces, fc.integer({ min: 1, max: 200 }), async (pieces, bytes) => {
      const source = from(pieces);
      const beginning = await beginningOf(source, bytes);
      const size = Buffer.concat(beginning.pieces).length;
      if (!beginning.isWhole) expect(size).toBeGreaterThanOrEqual(bytes);
      else expect(size).toBe(Buffer.concat(pieces).length);
      const come = await all(withRest(beginning.pieces, source));
      expect(Buffer.concat(come)).toEqual(Buffer.concat(pieces));
    }),
  );
});

test("a source that breaks in its beginning is not asked again", async () => {
  const source = breaking([Buffer.alloc(5)]);
  await expect(beginningOf(source, 10)).rejects.toThrow("the source broke");
});

test("who stops in the middle lets go of the source, through all that stands between", async () => {
  let isOver = false;
  const endless = async function* () {
    try {
      for (;;) yield Buffer.alloc(100);
    } finally {
      isOver = true;
    }
  };
  const source = gathered(endless());
  const { pieces } = await beginningOf(source, 100);
  for await (const _ of groupsOf(withRest(pieces, source), 50)) break;
  // Nobody waits for it.
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOver).toBe(true);
});

test("the break of a source comes through", async () => {
  const source = gathered(breaking([Buffer.alloc(5), Buffer.alloc(20 * KiB)]));
  await expect(all(groupsOf(withRest([], source), 50))).rejects.toThrow("the source broke");
});

test("without its first bytes, what is left of pieces is the rest", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 9 }), { maxLength: 9 }), fc.nat(), (pieces, any) => {
      const whole = Buffer.concat(pieces);
      const bytes = any % (whole.length + 1);
      const rest = withoutFirst(pieces, bytes);
      expect(Buffer.concat(rest)).toEqual(whole.subarray(bytes));
      expect(rest.every(({ length }) => length > 0)).toBe(true);
    }),
  );
});

async function* from(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

async function* breaking(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
  throw new Error("the source broke");
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const come: T[] = [];
  for await (const one of source) come.push(one);
  return come;
}
