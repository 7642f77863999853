import { expect, test } from "vitest";
import { testTrace } from "../lib/span-test-kit.js";
import { answering, json, playAgent } from "./agent-test-kit.js";
import { handledIn, templateOf } from "./call-span.js";
import { connectGuest } from "./connect.js";

const health = { version: "1", generation: 7, bootId: "00ff", uptimeMs: 12 };
const soon = () => AbortSignal.timeout(60_000);

async function healthTold(timing: string | undefined) {
  const { span, spans } = testTrace();
  await using agent = await playAgent({
    agent: answering((stream) => {
      const askedAt = performance.now();
      // The call has to be as long as the agent says that it took: more than that is cut.
      const answer = () => {
        if (performance.now() - askedAt < 5) return void setImmediate(answer);
        stream.respond({ ":status": 200, ...(timing !== undefined && { "server-timing": timing }) });
        stream.end(JSON.stringify(health));
      };
      answer();
    }),
  });
  const guest = await connectGuest(agent.open, { signal: soon() });
  await span.run(() => guest.health(soon()));
  await guest.close();
  const call = spans.find(({ name }) => name === "agent GET /health");
  return { call, own: spans.find(({ parent }) => parent !== undefined && parent === call) };
}

test("what the agent says of its share becomes a span within the call", async () => {
  const { call, own } = await healthTold("agent;dur=2.5");
  expect(call).toMatchObject({ isOver: true, attributes: { "http.response.status_code": 200 } });
  expect(own).toMatchObject({ name: "GET /health", attributes: { "alcove.told_by": "guest" } });
  expect((own?.endedAtMs ?? 0) - (own?.startedAtMs ?? 0)).toBeCloseTo(2.5, 1);
});

test.each([
  undefined,
  "",
  "agent",
  "agent;dur=-1",
  "agent;dur=1e9",
  "agent;dur=NaN",
  "evil;dur=1",
  "agent;dur=1, agent;dur=2",
])("%s tells nothing", async (timing) => {
  const { call, own } = await healthTold(timing);
  expect(call?.isOver).toBe(true);
  expect(own).toBeUndefined();
});

test("no guest makes a call longer than it was", () => {
  expect(handledIn("agent;dur=999999999", 12)).toBe(12);
  expect(handledIn("agent;dur=0.125", 12)).toBe(0.125);
});

test("a call that nobody traces has no header of a trace, one of a trace has that of its span", async () => {
  const { span, spans } = testTrace();
  const parents: unknown[] = [];
  await using agent = await playAgent({
    agent: answering(
      (stream) => json(stream, health),
      (session) => session.on("stream", (_stream, headers) => void parents.push(headers.traceparent)),
    ),
  });
  const guest = await connectGuest(agent.open, { signal: soon() });
  await guest.health(soon());
  await span.run(() => guest.health(soon()));
  await guest.close();
  expect(parents).toEqual([undefined, `00-${span.traceId}-${spans[1]?.spanId}-01`]);
});

test("a call's name has no id, no port, and no file", () => {
  expect(templateOf("/execs/3f2a/output?offset=1")).toBe("/execs/{id}/output");
  expect(templateOf("/execs?x=1")).toBe("/execs");
  expect(templateOf("/ports/5432/connect")).toBe("/ports/{port}/connect");
  expect(templateOf("/files?path=/root/secret")).toBe("/files");
});
