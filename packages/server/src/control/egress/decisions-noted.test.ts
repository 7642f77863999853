import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../store/test-record.js";
import type { ControlContext } from "../context.js";
import { DecisionLog } from "./decision-log.js";
import { noteDecisions } from "./decisions-noted.js";
import { TestGateway } from "./test-gateway.js";

test("what the gateway decides about known sandboxes is in the file, and how much it leaves out, which followers are told too", async () => {
  using scratch = temporaryDirectory();
  const gateway = new TestGateway();
  const context = {
    decisions: new DecisionLog(),
    logger: pino({ level: "silent" }),
    register: { follow: () => () => undefined },
    store: { sandboxes: { find: (id: string) => (id === "a" ? { group: "ours" } : undefined) } },
  } as unknown as ControlContext;
  const decisionFile = { directory: scratch.path, fileBytes: 1_000_000, files: 2 };
  const followed = context.decisions.follow("a", AbortSignal.timeout(20_000))?.[Symbol.asyncIterator]();
  const told = [followed?.next(), followed?.next()];
  const noted = noteDecisions(context, { gateway, decisionFile });
  for (const id of ["a", "unknown"]) {
    gateway.decide(id, { host: "one.test" });
    gateway.omit(id, 7);
  }
  await noted.close();
  gateway.omit("a", 9);
  const lines = readFileSync(join(scratch.path, "decisions.jsonl"), "utf8").trim().split("\n");
  const where = { group: "ours", sandboxId: "a" };
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { ...where, host: "one.test" },
    { ...where, omitted: 7 },
  ]);
  expect(lines).toHaveLength(2);
  const toldToFollowers = (await Promise.all(told)).map((next) => next?.value);
  expect(toldToFollowers).toMatchObject([{ host: "one.test" }, { lost: 7 }]);
});
