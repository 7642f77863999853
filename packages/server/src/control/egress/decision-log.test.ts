import type { EgressDecision } from "@alcove/contract";
import { expect, test } from "vitest";
import { DecisionLog } from "./decision-log.js";

const decision = (number: number, changes: Partial<EgressDecision> = {}): EgressDecision => ({
  timestamp: new Date(number).toISOString(),
  ...{ protocol: "https", host: `h${number}.test`, port: 443, verdict: "Deny", isEnforced: true },
  ...{ rule: "default", reason: "Nothing is allowed.", ...changes },
});
const never = new AbortController().signal;

test("the last fifty of each kind and verdict are there, newest first, and all are counted", () => {
  const log = new DecisionLog();
  for (let number = 0; number < 60; number++) log.note("a", decision(number));
  log.note("a", decision(60, { verdict: "Allow", protocol: "http", path: "/x".repeat(1_000) }));
  log.note("a", decision(61, { protocol: "dns" }));
  log.note("b", decision(62));
  const { http, dns, tcp, counts, lastUpdated } = log.of("a");
  expect(http.denied.map(({ host }) => host)).toEqual(Array.from({ length: 50 }, (_, at) => `h${59 - at}.test`));
  expect(http.denied[0]).toMatchObject({ scheme: "https", matchedRule: "default" });
  expect(http.allowed).toMatchObject([{ scheme: "http", path: expect.stringMatching(/^.{512}…$/) }]);
  expect(dns.denied).toHaveLength(1);
  expect(dns.denied[0]).not.toHaveProperty("scheme");
  expect([tcp, counts]).toEqual([
    { allowed: [], denied: [] },
    { allowed: 1, denied: 61 },
  ]);
  expect(lastUpdated).toBe(new Date(61).toISOString());
  log.forget("a");
  expect(log.of("a")).toMatchObject({ http: { denied: [] }, counts: { denied: 0 } });
});

test("who follows a sandbox is told each from then on, until it is gone", async () => {
  const log = new DecisionLog();
  log.note("a", decision(0));
  const lines = log.follow("a", never);
  if (lines === undefined) throw new Error("nobody follows yet");
  log.note("b", decision(1));
  log.note("a", decision(2));
  const told: unknown[] = [];
  for await (const line of lines) {
    told.push(line);
    if (told.length === 1) log.note("a", decision(3));
    else log.forget("a");
  }
  expect(told).toEqual([decision(2), decision(3)]);
});

test("a follower that is too slow is told how many it missed, where it missed them", async () => {
  const log = new DecisionLog();
  const lines = log.follow("a", never)?.[Symbol.asyncIterator]();
  for (let number = 0; number < 1_003; number++) log.note("a", decision(number));
  const told = [];
  for (let read = 0; read < 1_001; read++) told.push((await lines?.next())?.value);
  expect(told.at(999)).toEqual(decision(999));
  expect(told.at(1_000)).toEqual({ lost: 3 });
  log.note("a", decision(2_000));
  expect((await lines?.next())?.value).toEqual(decision(2_000));
});

test("streams end with their signal and with the daemon, and no more than 64 follow one sandbox", async () => {
  const log = new DecisionLog();
  const ending = new AbortController();
  const read = async (signal: AbortSignal) => {
    for await (const _ of log.follow("a", signal) ?? []);
  };
  const first = read(ending.signal);
  for (let others = 0; others < 63; others++) void read(new AbortController().signal);
  expect(log.follow("a", never)).toBeUndefined();
  ending.abort();
  await first;
  const last = read(never);
  log.end();
  await last;
});
