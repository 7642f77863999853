/** Answers that go on: an object a line, and an empty line now and then, so that both sides see that the other is there. */
import { Readable } from "node:stream";
import type { Bytes } from "./route.js";

const keepAlive = { everyMs: 15_000, text: "\n" };

export function jsonLines(items: AsyncIterable<unknown>): Bytes {
  const lines = async function* () {
    for await (const item of items) yield `${JSON.stringify(item)}\n`;
  };
  return { content: Readable.from(lines(), { highWaterMark: 16 }), type: "application/x-ndjson", keepAlive };
}
