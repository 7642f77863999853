import type { EgressDecision } from "@alcove/contract";
import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { type DecisionBatch, DecisionOutbox } from "./decision-outbox.js";

const decision: EgressDecision = {
  ...{ timestamp: "2026-01-01T00:00:00.000Z", protocol: "http", host: "a.test", path: `/${"x".repeat(5_000)}` },
  ...{ verdict: "Deny", isEnforced: true, rule: "default", reason: "because" },
};

test("what is decided in the same moment goes in one message a sandbox, and what is too much is counted", async () => {
  const batches: DecisionBatch[] = [];
  const outbox = new DecisionOutbox((batch) => void batches.push(batch));
  for (let number = 0; number < 600; number++) outbox.add("busy", decision);
  outbox.add("quiet", decision);
  await waitFor(() => batches.length === 2 || undefined, AbortSignal.timeout(10_000));
  expect(batches.map(({ sandboxId, decisions, omitted }) => [sandboxId, decisions.length, omitted])).toEqual([
    ["busy", 500, 100],
    ["quiet", 1, 0],
  ]);
  expect(batches[1]?.decisions[0]?.path).toHaveLength(1_024);
});

test("a flood of denials does not push out what went through", async () => {
  const batches: DecisionBatch[] = [];
  const outbox = new DecisionOutbox((batch) => void batches.push(batch));
  for (let number = 0; number < 600; number++) outbox.add("busy", decision);
  outbox.add("busy", { ...decision, verdict: "Allow" });
  outbox.add("busy", { ...decision, isEnforced: false });
  await waitFor(() => batches.length === 1 || undefined, AbortSignal.timeout(10_000));
  expect(batches[0]?.omitted).toBe(100);
  expect(batches[0]?.decisions.slice(-2)).toMatchObject([{ verdict: "Allow" }, { isEnforced: false }]);
});
