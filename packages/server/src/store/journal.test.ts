import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { eventQueries } from "./events.js";
import { journalQueries } from "./journal.js";
import { migrate, migrations } from "./migrations.js";

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
  expect(events.bounds("default")).toEqual({ begin: 0, oldest: 1, newest: 0 });
  for (const body of ["a", "b", "c", "d", "e"]) events.append({ group: "default", at: 1, body });
  expect(events.bounds("default")).toEqual({ begin: 0, oldest: 3, newest: 5 });
  expect(events.after("default", 0, 10).map(({ body }) => body)).toEqual(["c", "d", "e"]);
  expect(events.after("default", 3, 1)).toMatchObject([{ sequence: 4, body: "d" }]);
});

test("a group sees its own events and those of all groups", () => {
  const database = freshDatabase();
  addGroup(database, "other");
  const events = eventQueries(database);
  events.append({ group: "default", at: 1, body: "mine" });
  events.append({ group: "other", at: 1, body: "other" });
  events.append({ group: null, at: 1, body: "all" });
  expect(events.after("default", 0, 10).map(({ body }) => body)).toEqual(["mine", "all"]);
});

test("events from before each group had its own keep their numbers, and new ones come behind all of them", () => {
  const database = new Database(":memory:");
  const own = migrations.findIndex(({ number }) => number === 6);
  migrate(database, migrations.slice(0, own));
  addGroup(database, "other");
  const insert = database.prepare("insert into events (group_name, at, body) values (?, 1, ?)");
  for (const [group, body] of [
    ["default", "a"],
    ["other", "b"],
    [null, "c"],
    ["", "gone"],
  ])
    insert.run(group, body);
  migrate(database);
  const events = eventQueries(database);
  events.append({ group: "default", at: 1, body: "d" });
  const kept = (group: string) => events.after(group, 0, 10).map(({ sequence, body }) => `${sequence}${body}`);
  expect(kept("default")).toEqual(["1a", "3c", "5d"]);
  expect(kept("other")).toEqual(["2b", "3c"]);
});

function addGroup(database: Database.Database, name: string): void {
  database
    .prepare(
      "insert into groups (name, state, tags, defaults, quota, created_at) values (?, 'Ready', '{}', '{}', '{}', 1)",
    )
    .run(name);
}
