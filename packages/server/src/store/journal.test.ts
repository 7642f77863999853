import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { eventQueries } from "./events.js";
import { journalQueries } from "./journal.js";
import { migrate } from "./migrations.js";

function freshDatabase() {
  const database = new Database(":memory:");
  migrate(database);
  return database;
}

test("an entry is there from its first step until it is finished", () => {
  const journal = journalQueries(freshDatabase());
  const number = journal.begin({ operation: "create", sandboxId: "s", execId: null, step: "start", at: 1 });
  const other = journal.begin({ operation: "exec", sandboxId: "t", execId: "e", step: "start", at: 2 });
  journal.advance(number, "entrypoint", 3);
  expect(journal.list()).toEqual([
    { number, operation: "create", sandboxId: "s", execId: null, step: "entrypoint", at: 3 },
    { number: other, operation: "exec", sandboxId: "t", execId: "e", step: "start", at: 2 },
  ]);
  journal.finish(number);
  journal.finishAll("t");
  expect(journal.list()).toEqual([]);
});

test("events are numbered one by one and the newest are kept", () => {
  const events = eventQueries(freshDatabase(), 3);
  expect(events.bounds()).toEqual({ oldest: 1, newest: 0 });
  const numbers = ["a", "b", "c", "d", "e"].map((body) => events.append({ group: "g", at: 1, body }));
  expect(numbers).toEqual([1, 2, 3, 4, 5]);
  expect(events.bounds()).toEqual({ oldest: 3, newest: 5 });
  expect(events.after("g", 0, 10).map(({ body }) => body)).toEqual(["c", "d", "e"]);
  expect(events.after("g", 3, 1).map(({ body }) => body)).toEqual(["d"]);
});

test("a group sees its own events and those of all groups", () => {
  const events = eventQueries(freshDatabase());
  events.append({ group: "mine", at: 1, body: "mine" });
  events.append({ group: "other", at: 1, body: "other" });
  events.append({ group: null, at: 1, body: "all" });
  expect(events.after("mine", 0, 10).map(({ body }) => body)).toEqual(["mine", "all"]);
});
