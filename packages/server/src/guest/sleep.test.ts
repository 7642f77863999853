/** What a sleep of the sandbox is to those who follow its execs: against the real agent, renewed as after one. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collect, textOf } from "../engines/suite/subject.js";
import { waitFor } from "../lib/backoff.js";
import { connectGuest } from "./connect.js";
import type { OutputFrame } from "./guest.js";
import { type RealAgent, startRealAgent } from "./real-agent-test-kit.js";

const signal = AbortSignal.timeout(120_000);
let agent: RealAgent;
beforeAll(async () => {
  agent = await startRealAgent(signal);
}, 120_000);
afterAll(async () => await agent?.[Symbol.asyncDispose]());

test("another Guest goes on with an exec where the one before was, and is told of the sleep in between, once", async () => {
  const lives = { hostname: "h", machineId: "1".repeat(32), environment: {}, thaw: true };
  const guest = await connectGuest(agent.open, { signal });
  await guest.renew({ generation: 10, ...lives }, signal);
  const argv = ["sh", "-c", "echo before; read line; echo after $line"];
  const { id } = await guest.execs.start({ id: randomUUID(), argv, environment: {}, stdin: true }, signal);
  await waitFor(async () => (await guest.execs.get(id, 0, signal)).stdoutBytes === 7 || undefined, signal);
  await guest.close();
  const next = await connectGuest(agent.open, { signal, generation: 11 });
  await next.renew({ generation: 11, ...lives }, signal);
  const frames: OutputFrame[] = [];
  for await (const frame of next.execs.attach(id, 7, signal)) {
    frames.push(frame);
    if (frame.kind !== "interrupted") continue;
    agent.hangUp();
    await waitFor(() => next.health(signal).catch(() => undefined), signal);
    await next.execs.writeStdin(id, line(), { close: true }, signal);
  }
  expect(frames.map(({ kind }) => kind)).toEqual(["status", "interrupted", "stdout", "end"]);
  expect(textOf(frames, "stdout")).toBe("after sleep\n");
  const told = (await collect(next.execs.attach(id, 0, signal))).frames;
  expect(told.map(({ kind }) => kind)).toEqual(["status", "stdout", "interrupted", "stdout", "end"]);
  await next.close();
});

async function* line() {
  yield Buffer.from("sleep\n");
}
