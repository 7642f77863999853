/** Whatever a guest sends after its hello, the daemon lives: a crash of Node's HTTP/2 would end this test's own process. */

import type { Socket } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { answerHello, playAgent } from "./agent-test-kit.js";
import { connectGuest } from "./connect.js";

const signal = AbortSignal.timeout(120_000);
const patience = { answerTimeoutMs: 500, tries: 1 };

const frame = fc
  .record({
    type: fc.integer({ min: 0, max: 12 }),
    flags: fc.nat(255),
    streamId: fc.constantFrom(0, 1, 1, 2, 3, 5, 2 ** 31 - 1),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.constant(new Uint8Array(8)),
      fc.constant(Uint8Array.of(0x88)),
    ),
    isCut: fc.boolean(),
  })
  .map(({ type, flags, streamId, payload, isCut }) => {
    const header = Buffer.alloc(9);
    header.writeUIntBE(payload.length + (isCut && flags > 200 ? 3 : 0), 0, 3);
    header.writeUInt8(type, 3);
    header.writeUInt8(flags, 4);
    header.writeUInt32BE(streamId, 5);
    return Buffer.concat([header, payload]);
  });
const speech = fc.record({
  hasPreface: fc.boolean(),
  chunks: fc.array(
    fc.oneof(
      frame,
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 12 },
  ),
  hangsUp: fc.boolean(),
  isTogether: fc.boolean(),
});
type Speech = typeof speech extends fc.Arbitrary<infer T> ? T : never;

test("random frames on both streams, and hanging up at any moment", async () => {
  await fc.assert(
    fc.asyncProperty(speech, speech, async (onAgent, onHost) => {
      await using agent = await playAgent({
        agent: (socket) => answerHello(socket, () => say(socket, onAgent, "")),
        host: (socket) => answerHello(socket, () => say(socket, onHost, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")),
      });
      const guest = await connectGuest(agent.open, { signal, patience }).catch(() => undefined);
      if (guest === undefined) return;
      const calls = [guest.health(AbortSignal.timeout(20)), guest.stats(AbortSignal.timeout(20))];
      const outcomes = await Promise.allSettled(calls);
      expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
      await guest.close();
    }),
    { numRuns: 150 },
  );
}, 120_000);

function say(socket: Socket, { hasPreface, chunks, hangsUp, isTogether }: Speech, preface: string): void {
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const words = hasPreface ? [Buffer.from(preface), settings, ...chunks] : chunks;
  socket.resume();
  if (isTogether) socket.write(Buffer.concat(words));
  else for (const word of words) socket.write(word);
  if (hangsUp) socket.destroySoon();
}
