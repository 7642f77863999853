import { cpSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test, vi } from "vitest";
import { databaseFile } from "./database.js";
import { migrate, migrations } from "./migrations.js";
import type { SandboxRecord } from "./sandboxes.js";
import { openStore } from "./store.js";
import { temporaryDirectory, testRecord } from "./test-record.js";

const canary = "c4n4ry-51d0";

test("a copy of the database has the secrets of sandboxes encrypted, until their sandbox is deleted", async () => {
  using home = temporaryDirectory();
  const store = openStore(home.path);
  const [kept, deleted] = [testRecord(), testRecord()];
  for (const record of [kept, deleted]) store.sandboxes.insert(record);
  store.secrets.insert(kept.id, { B: "2", A: "1" });
  store.secrets.insert(deleted.id, { SMALL: canary, LARGE: `${canary}.`.repeat(5_000) });
  expect(store.secrets.names(kept.id)).toEqual(["A", "B"]);
  expect(store.secrets.find(kept.id, "B")).toBe("2");
  expect(store.secrets.find(kept.id, "SMALL")).toBeUndefined();
  expect(store.secrets.find(deleted.id, "SMALL")).toBe(canary);
  expect(await copied(store)).not.toContain(canary);
  store.sandboxes.remove(deleted.id);
  expect(store.secrets.names(deleted.id)).toEqual([]);
  expect(await copied(store)).not.toContain(canary);
  store.close();
});

async function copied(store: ReturnType<typeof openStore>): Promise<string> {
  const copy = await store.copy();
  const chunks: Buffer[] = [];
  for await (const chunk of copy.content()) chunks.push(chunk);
  await copy.close();
  return Buffer.concat(chunks).toString("latin1");
}

/** A data directory of an Alcove before secrets were encrypted, which was killed: a secret's row is in the log alone. */
function killedBeforeVault(directory: string, secret: string): SandboxRecord {
  using scratch = temporaryDirectory();
  const file = join(scratch.path, databaseFile);
  const record = testRecord();
  const present = openStore(scratch.path);
  present.sandboxes.insert(record);
  present.close();
  const newest = new Database(file);
  const row = newest.prepare<[], Readonly<Record<string, unknown>>>("select * from sandboxes").get() ?? {};
  newest.close();
  rmSync(file);
  const database = new Database(file);
  database.pragma("journal_mode = WAL");
  database.pragma("wal_autocheckpoint = 0");
  migrate(
    database,
    migrations.filter(({ number }) => number < 14),
  );
  const columns = database.prepare<[], { name: string }>("select name from pragma_table_info('sandboxes')").all();
  const names = columns.map(({ name }) => name);
  database
    .prepare(`insert into sandboxes (${names.join()}) values (${names.map(() => "?").join()})`)
    .run(names.map((name) => row[name]));
  // The secret lies far behind the log's beginning, which is soon written over.
  database.exec("create table filler (bytes blob); insert into filler values (zeroblob(8000000)); drop table filler");
  database.prepare("insert into sandbox_secrets values (?, ?, ?)").run(record.id, "TOKEN", secret);
  for (const name of [databaseFile, `${databaseFile}-wal`]) cpSync(join(scratch.path, name), join(directory, name));
  database.close();
  return record;
}

/** Not in the copy that is made before the schema changes, which has them as they were. */
function hasCanary(directory: string): boolean {
  const files = [databaseFile, `${databaseFile}-wal`];
  return files.some((name) => readFileSync(join(directory, name), "latin1").includes(canary));
}

test("what an earlier Alcove wrote in plain is encrypted by the first that opens it, and nothing of it is left", () => {
  using home = temporaryDirectory();
  const record = killedBeforeVault(home.path, canary.repeat(1_000));
  expect(hasCanary(home.path)).toBe(true);
  const store = openStore(home.path);
  expect(store.secrets.find(record.id, "TOKEN")).toBe(canary.repeat(1_000));
  expect(hasCanary(home.path)).toBe(false);
  store.close();
});

test("nothing of it is left where the first was killed before the log was overwritten", () => {
  using home = temporaryDirectory();
  using killed = temporaryDirectory();
  const record = killedBeforeVault(home.path, canary.repeat(1_000));
  const pragma = Database.prototype.pragma;
  const spy = vi.spyOn(Database.prototype, "pragma").mockImplementation(function (this: Database.Database, ...of) {
    if (of[0].includes("TRUNCATE")) cpSync(home.path, killed.path, { recursive: true });
    return pragma.apply(this, of);
  });
  openStore(home.path).close();
  spy.mockRestore();
  expect(hasCanary(killed.path)).toBe(true);
  const store = openStore(killed.path);
  expect(store.secrets.find(record.id, "TOKEN")).toBe(canary.repeat(1_000));
  expect(hasCanary(killed.path)).toBe(false);
  store.close();
});
