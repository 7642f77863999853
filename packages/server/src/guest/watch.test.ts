/** Guests that lie about what changes. */
import type { ServerHttp2Stream } from "node:http2";
import { expect, test } from "vitest";
import { answering, playAgent } from "./agent-test-kit.js";
import { connectGuest } from "./connect.js";

const signal = AbortSignal.timeout(60_000);

test.each([
  ["no JSON", "hello\n"],
  ["an event that there is none of", '{"type":"exploded","path":"/x"}\n'],
  ["a path of another shape", '{"type":"created","path":7}\n'],
  ["a path without end", `{"type":"created","path":"${"x".repeat(200_000)}`],
])("a guest that tells %s is unresponsive", async (_, told) => {
  const tell = (stream: ServerHttp2Stream) => {
    stream.respond({ ":status": 200 });
    stream.write(told);
  };
  await using agent = await playAgent({ agent: answering(tell) });
  const guest = await connectGuest(agent.open, { signal });
  const events = (await guest.files.watch("/", { recursive: false }, signal))[Symbol.asyncIterator]();
  await expect(events.next()).rejects.toMatchObject({ code: "GuestUnresponsive" });
  await guest.close();
});
