/** What a renewal brings along that no answer shows. */
import { json as jsonOf } from "node:stream/consumers";
import { expect, test } from "vitest";
import { z } from "zod";
import { answering, json, playAgent } from "./agent-test-kit.js";
import { connectGuest } from "./connect.js";

const Sent = z.object({ entropy: z.base64(), seeded: z.boolean() });

test("each renewal brings entropy of its own, unless it is told which, and then says so", async () => {
  const signal = AbortSignal.timeout(20_000);
  const sent: z.infer<typeof Sent>[] = [];
  await using agent = await playAgent({
    agent: answering((stream) => {
      void jsonOf(stream).then((body) => {
        sent.push(Sent.parse(body));
        json(stream, { generation: 7 });
      });
    }),
  });
  const guest = await connectGuest(agent.open, { signal });
  const renewal = { generation: 7, hostname: "h", machineId: "1".repeat(32), environment: {}, thaw: true };
  const told = Buffer.alloc(64, 5);
  for (const entropy of [undefined, undefined, told])
    await guest.renew({ ...renewal, ...(entropy && { entropy }) }, signal);
  expect(sent.map(({ seeded }) => seeded)).toEqual([false, false, true]);
  const [one = Buffer.of(), other = Buffer.of(), given] = sent.map(({ entropy }) => Buffer.from(entropy, "base64"));
  expect(given).toEqual(told);
  for (const bytes of [one, other]) {
    expect(bytes).toHaveLength(256);
    // Of 256 random bytes some 160 differ from each other; fewer than 100 once in far more runs than there will be.
    expect(new Set(bytes).size).toBeGreaterThan(100);
  }
  expect(one).not.toEqual(other);
  await guest.close();
});
