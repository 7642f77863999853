/** A sandbox that makes the gateway's process end, again and again, with the real process. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { waitFor } from "../lib/backoff.js";
import type { TestAgent } from "./agent-test-kit.js";
import { deadlyAddress } from "./crashing-worker-test-kit.js";
import { closeOf, echo, listen, loopback, settingsOf, startGateway, type TestGateway } from "./gateway-test-kit.js";

const soon = () => AbortSignal.timeout(30_000);
const others = ["a", "b", "c"];
const module = new URL("./crashing-worker-test-kit.ts", import.meta.url);
let port: number;

async function agentsOf(kit: TestGateway) {
  port = await listen(echo);
  const settings = settingsOf({ defaultAction: "Deny", transportRules: loopback });
  for (const name of [...others, "hostile"]) await kit.gateway.apply(name, settings);
  const agents = new Map<string, TestAgent>();
  for (const name of [...others, "hostile"]) agents.set(name, await kit.agent(name));
  return agents;
}

/** Once it is: a session may just be over. */
async function untilServed(agent: TestAgent | undefined): Promise<void> {
  if (agent === undefined) throw new Error("no such agent");
  await waitFor(async () => ((await isEchoed(agent)) ? true : undefined), soon());
}

async function isEchoed(agent: TestAgent): Promise<boolean> {
  const stream = await agent.connect(`127.0.0.1:${port}`);
  stream.write("hello");
  const answer = once(stream, "data").then(([chunk]) => String(chunk) === "hello");
  const isEchoed = await Promise.race([answer.catch(() => false), closeOf(stream).then(() => false)]);
  stream.destroy();
  return isEchoed;
}

const living = (kit: TestGateway) => kit.workers.filter(({ pid }) => existsSync(`/proc/${pid}`)).length;

/** Ends the process that serves it, whenever there is one, until it is refused. */
async function crashUntilRefused(kit: TestGateway, hostile: TestAgent, isRefused: () => boolean): Promise<void> {
  while (!isRefused()) {
    const { sessions } = hostile;
    const ended = kit.logged.length;
    await hostile.connect(`${deadlyAddress}:80`);
    await waitFor(
      () => (kit.logged.length > ended && (hostile.sessions > sessions || isRefused())) || undefined,
      soon(),
    );
  }
}

test("it is found, has no network for a while, and the others are served then by a process that it never ends again", {
  timeout: 90_000,
}, async () => {
  const suspicion = { forgetAfterMs: 600_000, firstRefusalMs: 1_500, lastRefusalMs: 600_000 };
  await using kit = await startGateway({ suspicion, module });
  const refused: string[] = [];
  kit.gateway.onRefused((sandboxId) => void refused.push(sandboxId));
  const agents = await agentsOf(kit);
  const hostile = agents.get("hostile");
  if (hostile === undefined) throw new Error("no such agent");
  const sessionsOf = () => others.map((name) => agents.get(name)?.sessions);
  await crashUntilRefused(kit, hostile, () => refused.length === 1);
  expect(kit.gateway.restarts).toBeLessThanOrEqual(6);
  await waitFor(() => living(kit) === 1 || undefined, soon());
  for (const name of others) await untilServed(agents.get(name));
  const before = sessionsOf();
  // It is served again, apart: what it ends now is its own.
  await untilServed(hostile);
  await hostile.connect(`${deadlyAddress}:80`);
  await waitFor(() => refused.length === 2 || undefined, soon());
  for (const name of others) await untilServed(agents.get(name));
  expect(sessionsOf()).toEqual(before);
  expect(refused).toEqual(["hostile", "hostile"]);
  expect(kit.logged.filter((line) => line.includes("has no network for a while"))).toEqual([
    expect.stringContaining('{"sandbox":"hostile","refusedForMs":1500}'),
    expect.stringContaining('{"sandbox":"hostile","refusedForMs":3000}'),
  ]);
});
