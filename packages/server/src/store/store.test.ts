import { closeSync, cpSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { databaseFile } from "./database.js";
import { translate } from "./failures.js";
import { migrate, migrations } from "./migrations.js";
import { openStore } from "./store.js";
import { temporaryDirectory, testRecord } from "./test-record.js";

test("what was written is there after the database is opened again", () => {
  using directory = temporaryDirectory();
  const record = testRecord({ labels: { app: "web" }, workingDirectory: "/srv", entrypointExecId: "e" });
  const first = openStore(directory.path);
  first.sandboxes.insert(record);
  first.close();
  const second = openStore(directory.path);
  expect(second.sandboxes.find(record.id)).toEqual(record);
  second.close();
});

test("a second daemon is refused the directory until the first lets go of it", () => {
  using directory = temporaryDirectory();
  const first = openStore(directory.path);
  expect(() => openStore(directory.path)).toThrow(`Another Alcove daemon uses the data directory ${directory.path}.`);
  first.close();
  openStore(directory.path).close();
});

test("only its owner can read the database", () => {
  using directory = temporaryDirectory();
  openStore(directory.path).close();
  expect(statSync(join(directory.path, databaseFile)).mode & 0o777).toBe(0o600);
});

test("a transaction that throws leaves nothing", () => {
  using directory = temporaryDirectory();
  const store = openStore(directory.path);
  const record = testRecord({ labels: { a: "b" } });
  const failing = () =>
    store.transaction(() => {
      store.sandboxes.insert(record);
      throw new Error("halfway");
    });
  expect(failing).toThrow("halfway");
  expect(store.sandboxes.find(record.id)).toBeUndefined();
  expect(store.sandboxes.count({ group: "default", labels: { a: "b" } })).toBe(0);
  store.close();
});

test("what is not synced outlives the daemon all the same, and does not keep the next transaction from the disk", () => {
  using directory = temporaryDirectory();
  using leftBehind = temporaryDirectory();
  const store = openStore(directory.path);
  const record = testRecord({});
  store.unsyncedTransaction(() => store.sandboxes.insert(record));
  // As the files are when the daemon is killed.
  cpSync(directory.path, leftBehind.path, { recursive: true });
  const next = openStore(leftBehind.path);
  expect(next.sandboxes.find(record.id)).toEqual(record);
  next.close();
  expect(() => store.unsyncedTransaction(() => store.transaction(() => expect.fail("thrown")))).toThrow("thrown");
  store.close();
});

test("a database that is damaged is told as such, with what to do", () => {
  using directory = temporaryDirectory();
  openStore(directory.path).close();
  const file = openSync(join(directory.path, databaseFile), "r+");
  writeSync(file, Buffer.alloc(8_192, 0xff), 0, 8_192, 0);
  closeSync(file);
  expect(() => openStore(directory.path)).toThrow("Alcove's database is damaged");
});

test("a directory that cannot be written is told with its path", () => {
  expect(() => openStore("/proc/nowhere")).toThrow("The database /proc/nowhere/alcove.db cannot be opened");
});

test("a full database is DiskFull, and what was there stays readable", () => {
  using directory = temporaryDirectory();
  const database = new Database(join(directory.path, "full.db"));
  database.exec("create table rows (text text) strict");
  database.pragma("max_page_count = 3");
  const fill = () => database.prepare("insert into rows values (?)").run("x".repeat(100_000));
  expect(() => {
    try {
      fill();
    } catch (error) {
      throw translate(error);
    }
  }).toThrow(expect.objectContaining({ code: "DiskFull" }));
  expect(database.prepare("select count(*) as count from rows").get()).toEqual({ count: 0 });
  database.close();
});

test("changes of state need no more disk than the database took when it was opened, so a full disk does not stop them", () => {
  using directory = temporaryDirectory();
  const store = openStore(directory.path);
  const ids = Array.from({ length: 50 }, () => {
    const record = testRecord({ labels: { a: "b" } });
    store.sandboxes.insert(record);
    return record.id;
  });
  const sizes = () => [databaseFile, `${databaseFile}-wal`].map((name) => statSync(join(directory.path, name)).size);
  const before = sizes();
  for (let round = 0; round < 1_000; round++) {
    const id = ids[round % ids.length] ?? "";
    store.transaction(() => {
      const deleting = { state: "Deleting", desiredState: "Deleted", stateDetails: {}, suspension: undefined } as const;
      store.sandboxes.update(id, { ...deleting, generation: round });
      store.events.append({ group: "default", at: round, body: "x".repeat(600) });
    });
  }
  for (const id of ids) store.sandboxes.remove(id);
  expect(sizes()).toEqual(before);
  store.close();
});

test("an error that is not SQLite's passes as it is", () => {
  const error = new Error("mine");
  expect(translate(error)).toBe(error);
});

const newest = migrations.at(-1)?.number ?? 0;

test("migrations are numbered from 1 without a gap, and a repeat changes nothing", () => {
  expect(migrations.map(({ number }) => number)).toEqual(migrations.map((_, index) => index + 1));
  const database = new Database(":memory:");
  migrate(database);
  migrate(database);
  expect(database.pragma("user_version", { simple: true })).toBe(newest);
  database.close();
});

test("a migration that fails leaves the schema of the one before", () => {
  const database = new Database(":memory:");
  const broken = { number: newest + 1, name: "broken", sql: "create table half (a text) strict; nonsense" };
  expect(() => migrate(database, [...migrations, broken])).toThrow();
  expect(database.pragma("user_version", { simple: true })).toBe(newest);
  expect(database.prepare("select name from sqlite_schema where name = 'half'").get()).toBeUndefined();
  database.close();
});

test("the schema of a newer Alcove is refused, not guessed at", () => {
  const database = new Database(":memory:");
  database.pragma("user_version = 999");
  expect(() => migrate(database)).toThrow(AlcoveError);
  expect(() => migrate(database)).toThrow(/schema 999/);
  database.close();
});

test("every table is strict", () => {
  const database = new Database(":memory:");
  migrate(database);
  const loose = database
    .prepare("select name from pragma_table_list where strict = 0 and name not like 'sqlite_%'")
    .all();
  expect(loose).toEqual([]);
  database.close();
});
