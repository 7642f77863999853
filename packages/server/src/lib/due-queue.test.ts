import { expect, test } from "vitest";
import { DueQueue } from "./due-queue.js";
import { TestAlarm } from "./test-alarm.js";

function queue() {
  const alarm = new TestAlarm();
  const due: string[] = [];
  return { alarm, due, queue: new DueQueue(alarm, (id) => due.push(id)) };
}

test("what is due is told once, in time, and one timer is set for all", () => {
  const { alarm, due, queue: waiting } = queue();
  for (let number = 0; number < 1_000; number++) waiting.set(`s${number}`, 1_000 + number);
  waiting.set("first", 10);
  expect(alarm.timers).toHaveLength(1);
  alarm.pass(9);
  expect(due).toEqual([]);
  alarm.pass(1);
  expect(due).toEqual(["first"]);
  expect(alarm.timers).toHaveLength(1);
  alarm.pass(1_000);
  expect(due).toHaveLength(12);
  alarm.pass(1_000);
  expect(due).toHaveLength(1_001);
  expect(new Set(due).size).toBe(1_001);
  expect(alarm.timers).toEqual([]);
});

test("the last word about one counts: later, sooner, or not at all", () => {
  const { alarm, due, queue: waiting } = queue();
  waiting.set("later", 10);
  waiting.set("later", 100);
  waiting.set("sooner", 100);
  waiting.set("sooner", 20);
  waiting.set("gone", 30);
  waiting.delete("gone");
  alarm.pass(50);
  expect(due).toEqual(["sooner"]);
  alarm.pass(50);
  expect(due).toEqual(["sooner", "later"]);
});

test("what is due in years is looked at every hour, and what was due long ago at once", () => {
  const { alarm, due, queue: waiting } = queue();
  waiting.set("years", 1e12);
  waiting.set("past", -1e12);
  alarm.pass(0);
  expect(due).toEqual(["past"]);
  alarm.pass(3_600_000);
  expect(due).toEqual(["past", "years"]);
});

test("one that is told may be set anew at once; a closed queue tells nothing any more", () => {
  const alarm = new TestAlarm();
  const due: string[] = [];
  const waiting: DueQueue = new DueQueue(alarm, (id) => {
    due.push(id);
    waiting.set(id, 10);
  });
  waiting.set("again", 10);
  alarm.pass(10);
  alarm.pass(10);
  expect(due).toEqual(["again", "again"]);
  waiting.close();
  waiting.set("late", 0);
  alarm.pass(100);
  expect(due).toHaveLength(2);
});
