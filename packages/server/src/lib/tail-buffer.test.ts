import fc from "fast-check";
import { expect, test } from "vitest";
import { TailBuffer } from "./tail-buffer.js";

test("it keeps the last bytes, whatever the pieces they came in", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.uint8Array({ maxLength: 50 })), (capacity, pieces) => {
      const buffer = new TailBuffer(capacity);
      for (const piece of pieces) buffer.write(piece);
      const all = Buffer.concat(pieces);
      expect(buffer.read()).toEqual(all.subarray(Math.max(0, all.length - capacity)));
    }),
  );
});
