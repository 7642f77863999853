import http2 from "node:http2";
import { expect, test } from "vitest";
import { waitFor } from "../lib/backoff.js";
import { answerHello, answering, json, playAgent } from "./agent-test-kit.js";
import { connectGuest } from "./connect.js";

const signal = AbortSignal.timeout(60_000);
const health = { version: "1", generation: 3, bootId: "00ff", uptimeMs: 12 };

test("a truthful agent is heard", async () => {
  await using agent = await playAgent({ agent: answering((stream) => json(stream, health)) });
  const guest = await connectGuest(agent.open, { signal });
  expect(await guest.health(signal)).toEqual(health);
  await guest.close();
});

test("the agent can ask for the time on the host's stream", async () => {
  let told: string | undefined;
  await using agent = await playAgent({
    agent: answering((stream) => json(stream, health)),
    host: (socket) =>
      answerHello(socket, () => {
        const session = http2.connect("http://daemon", { createConnection: () => socket });
        session.on("error", () => {});
        session.request({ ":path": "/time" }).on("data", (chunk: Buffer) => {
          told = chunk.toString();
        });
      }),
  });
  const guest = await connectGuest(agent.open, { signal });
  const { unixNanos } = JSON.parse(await waitFor(() => told, signal)) as { unixNanos: string };
  expect(Math.abs(Number(BigInt(unixNanos) / 1_000_000n) - Date.now())).toBeLessThan(1_000);
  await guest.close();
});

test("a session that is lost is replaced, and calls go on", async () => {
  await using agent = await playAgent({ agent: answering((stream) => json(stream, health)) });
  const guest = await connectGuest(agent.open, { signal });
  await guest.health(signal);
  agent.hangUp();
  await waitFor(() => agent.opened.agent >= 2 || undefined, signal);
  expect(await guest.health(signal)).toEqual(health);
  await guest.close();
});

test("a call that can be repeated survives the loss of the session under it", async () => {
  let calls = 0;
  await using agent = await playAgent({
    agent: answering((stream) => {
      calls++;
      if (calls === 1) stream.session?.destroy();
      else json(stream, health);
    }),
  });
  const guest = await connectGuest(agent.open, { signal });
  expect(await guest.health(signal)).toEqual(health);
  expect(calls).toBe(2);
  await guest.close();
});

test("after close nothing reconnects and calls are refused", async () => {
  await using agent = await playAgent({ agent: answering((stream) => json(stream, health)) });
  const guest = await connectGuest(agent.open, { signal });
  await guest.close();
  await expect(guest.health(signal)).rejects.toMatchObject({ code: "GuestUnresponsive" });
  expect(agent.opened.agent).toBe(1);
});

test("an abort ends a call with the caller's own reason", async () => {
  await using agent = await playAgent({ agent: answering(() => {}) });
  const guest = await connectGuest(agent.open, { signal });
  const controller = new AbortController();
  const call = guest.health(controller.signal);
  controller.abort(new Error("enough"));
  await expect(call).rejects.toThrow("enough");
  await guest.close();
});
