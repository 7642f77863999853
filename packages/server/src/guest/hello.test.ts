import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { answering, json, playAgent } from "./agent-test-kit.js";
import { connectGuest } from "./connect.js";
import { readyMagic } from "./hello.js";

const signal = AbortSignal.timeout(60_000);
const patience = { answerTimeoutMs: 150, tries: 3 };
const health = { version: "1", generation: 3, bootId: "00ff", uptimeMs: 12 };
const truthful = answering((stream) => json(stream, health));

test("what an ended session left in the stream is passed over", async () => {
  const stale = Buffer.concat([randomBytes(3_000_000), readyMagic, randomBytes(100), readyMagic.subarray(0, 9)]);
  await using agent = await playAgent({
    agent: (socket) => {
      socket.write(stale, () => truthful(socket));
    },
  });
  const guest = await connectGuest(agent.open, { signal, patience: { answerTimeoutMs: 5_000, tries: 1 } });
  expect(await guest.health(signal)).toEqual(health);
  await guest.close();
});

test("a hello that is lost is said again, with another session id", async () => {
  const seen: string[] = [];
  await using agent = await playAgent({
    agent: (socket) => {
      if (seen.length > 1) return truthful(socket);
      socket.once("data", (hello: Buffer) => {
        seen.push(hello.toString("hex", 16, 32));
        if (seen.length === 2) socket.destroy();
      });
    },
  });
  const guest = await connectGuest(agent.open, { signal, patience });
  expect(await guest.health(signal)).toEqual(health);
  expect(new Set(seen).size).toBe(2);
  await guest.close();
});

test.each<[string, (socket: Socket) => void]>([
  ["is silent", () => {}],
  ["hangs up at once", (socket) => socket.destroy()],
  ["answers another session", (socket) => socket.write(Buffer.concat([readyMagic, randomBytes(32)]))],
  ["answers half a hello", (socket) => socket.once("data", (hello: Buffer) => socket.end(half(hello)))],
])("an agent that %s is given up after a bounded number of tries", async (_, play) => {
  await using agent = await playAgent({ agent: play });
  await expect(connectGuest(agent.open, { signal, patience })).rejects.toMatchObject({ code: "GuestUnresponsive" });
  expect(agent.opened.agent).toBe(patience.tries);
});

test("endless junk instead of an answer costs a bounded time and memory", async () => {
  const junk = randomBytes(1024 * 1024);
  await using agent = await playAgent({
    agent: (socket) => {
      const pour = () => {
        while (!socket.destroyed && socket.write(junk));
      };
      socket.on("drain", pour);
      pour();
    },
  });
  const before = process.memoryUsage.rss();
  await expect(connectGuest(agent.open, { signal, patience })).rejects.toMatchObject({ code: "GuestUnresponsive" });
  expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 1024 * 1024);
});

test("an abort ends the hello", async () => {
  await using agent = await playAgent({ agent: () => {} });
  const controller = new AbortController();
  const connecting = connectGuest(agent.open, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await expect(connecting).rejects.toThrow("enough");
});

function half(hello: Buffer): Buffer {
  return Buffer.concat([readyMagic, hello.subarray(16, 24)]);
}
