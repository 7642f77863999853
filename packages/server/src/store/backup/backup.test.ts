import { execFileSync } from "node:child_process";
import {
  createWriteStream,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import Database from "better-sqlite3";
import { beforeEach, expect, test } from "vitest";
import { databaseFile } from "../database.js";
import { migrate, migrations } from "../migrations.js";
import { openStore } from "../store.js";
import { temporaryDirectory, testRecord } from "../test-record.js";
import { packArchive } from "./archive.js";
import { copiesDirectory } from "./before-migration.js";
import { restoreBackup } from "./restore.js";

const facts = { version: "1.2.3", sandboxes: 1, images: ["debian"] };
let home: ReturnType<typeof temporaryDirectory>;
let archivePath: string;

beforeEach(() => {
  home = temporaryDirectory();
  archivePath = join(home.path, "b.tar");
  return () => home[Symbol.dispose]();
});

/** A new data directory below the test's own. */
function directory(name: string): string {
  const path = join(home.path, name);
  mkdirSync(path);
  return path;
}

async function backUp(store: ReturnType<typeof openStore>): Promise<void> {
  const { content, sizeBytes } = packArchive(await store.copy(), facts);
  await pipeline(content, createWriteStream(archivePath));
  expect(statSync(archivePath).size).toBe(sizeBytes);
}

/** A store with one sandbox, backed up and closed. */
async function backedUp(): Promise<{ data: string; id: string }> {
  const data = directory("source");
  const store = openStore(data);
  const record = testRecord();
  store.sandboxes.insert(record);
  await backUp(store);
  store.close();
  return { data, id: record.id };
}

test("what was on record is there after a restore into an empty directory", async () => {
  const { id } = await backedUp();
  const target = directory("target");
  const { manifest, replaced } = await restoreBackup({ archivePath, dataDirectory: target, force: false });
  expect(manifest).toMatchObject({ ...facts, schema: migrations.at(-1)?.number });
  expect(replaced).toBeUndefined();
  expect(readdirSync(target)).toEqual([databaseFile]);
  expect(statSync(join(target, databaseFile)).mode & 0o777).toBe(0o600);
  const store = openStore(target);
  expect(store.sandboxes.find(id)?.environment).toEqual({ SECRET: "x" });
  store.close();
});

test("a copy taken while the store is written to is one moment, and leaves no file", async () => {
  const data = directory("busy");
  const store = openStore(data);
  for (let batch = 0; batch < 20; batch++)
    store.transaction(() => {
      for (let each = 0; each < 50; each++) store.sandboxes.insert(testRecord());
    });
  const copying = store.copy();
  for (let batch = 0; batch < 20; batch++) {
    // Two rows in each transaction: a moment has an even number of them.
    store.transaction(() => {
      store.sandboxes.insert(testRecord());
      store.sandboxes.insert(testRecord());
    });
    await new Promise((resolve) => setImmediate(resolve));
  }
  const copy = await copying;
  expect(readdirSync(data).filter((name) => name.includes("copying"))).toEqual([]);
  await pipeline(packArchive(copy, facts).content, createWriteStream(archivePath));
  store.close();
  const target = directory("target");
  await restoreBackup({ archivePath, dataDirectory: target, force: false });
  const restored = openStore(target);
  const count = restored.sandboxes.all().length;
  restored.close();
  expect(count).toBeGreaterThanOrEqual(1_000);
  expect(count % 2).toBe(0);
});

const damages = {
  "cut off in its database": (path: string) => truncateSync(path, statSync(path).size - 600_000),
  "cut off in its manifest": (path: string) => truncateSync(path, 700),
  empty: (path: string) => truncateSync(path, 0),
  "no archive at all": (path: string) => writeFileSync(path, "hello"),
  "changed in one byte of its database": (path: string) =>
    change(path, (bytes) => void bytes.writeUInt8(bytes.readUInt8(40_000) ^ 1, 40_000)),
  "changed in its manifest": (path: string) =>
    change(path, (bytes) => void bytes.write("9", bytes.indexOf('"sizeBytes": ') + '"sizeBytes": '.length)),
  "without a manifest": (path: string) => change(path, (bytes) => void bytes.write("manifest.jsom", 0)),
  "of another format": (path: string) =>
    change(path, (bytes) => void bytes.write("alcove-bakcup", bytes.indexOf("alcove-backup"))),
};

function change(path: string, act: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path);
  act(bytes);
  writeFileSync(path, bytes);
}

for (const [what, damage] of Object.entries(damages)) {
  test(`a backup that is ${what} is refused, and nothing is changed`, async () => {
    const { data, id } = await backedUp();
    damage(archivePath);
    const before = readFileSync(join(data, databaseFile));
    const refused = { code: "InvalidRequest", message: expect.stringContaining("Nothing was changed.") };
    await expect(restoreBackup({ archivePath, dataDirectory: data, force: true })).rejects.toMatchObject(refused);
    const target = directory("target");
    await expect(restoreBackup({ archivePath, dataDirectory: target, force: false })).rejects.toMatchObject(refused);
    expect(readdirSync(target)).toEqual([]);
    expect(readdirSync(data)).toEqual([databaseFile]);
    expect(readFileSync(join(data, databaseFile)).length).toBe(before.length);
    const store = openStore(data);
    expect(store.sandboxes.find(id)).toBeDefined();
    store.close();
  });
}

test("a directory with a database is refused unless it is forced; then the old one is put aside", async () => {
  const { data, id } = await backedUp();
  const store = openStore(data);
  const later = testRecord();
  store.sandboxes.insert(later);
  store.close();
  await expect(restoreBackup({ archivePath, dataDirectory: data, force: false })).rejects.toThrow("has a database");
  const { replaced } = await restoreBackup({ archivePath, dataDirectory: data, force: true });
  const restored = openStore(data);
  expect(restored.sandboxes.all().map((record) => record.id)).toEqual([id]);
  restored.close();
  const aside = new Database(replaced ?? "", { readonly: true });
  expect(aside.prepare("select count(*) as count from sandboxes").get()).toEqual({ count: 2 });
  aside.close();
});

test("a directory that a daemon uses is refused, forced or not", async () => {
  const { data } = await backedUp();
  const store = openStore(data);
  const restoring = restoreBackup({ archivePath, dataDirectory: data, force: true });
  await expect(restoring).rejects.toThrow("Another Alcove daemon uses the data directory");
  store.close();
});

const isRoot = process.getuid?.() === 0;

test.runIf(isRoot)(
  `a full disk is told, and nothing is changed${isRoot ? "" : " (skipped: only root can mount)"}`,
  async () => {
    await backedUp();
    const small = directory("small");
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=7m", "tmpfs", small]);
    try {
      const store = openStore(small);
      const filler = join(small, "filler");
      writeFileSync(filler, Buffer.alloc(1_048_576));
      await expect(store.copy()).rejects.toMatchObject({ code: "DiskFull" });
      expect(readdirSync(small).filter((name) => name.startsWith("copying"))).toEqual([]);
      store.sandboxes.insert(testRecord());
      store.close();
      writeFileSync(filler, Buffer.alloc(4 * 1_048_576));
      const restoring = restoreBackup({ archivePath, dataDirectory: small, force: true });
      await expect(restoring).rejects.toMatchObject({ code: "DiskFull" });
      expect(readdirSync(small).sort()).toEqual([databaseFile, "filler"]);
      rmSync(filler);
      const again = openStore(small);
      expect(again.sandboxes.all()).toHaveLength(1);
      again.close();
    } finally {
      execFileSync("umount", [small]);
    }
  },
);

test("a database that is damaged is put aside for a backup", async () => {
  const { data, id } = await backedUp();
  writeFileSync(join(data, databaseFile), "nothing like a database");
  const { replaced } = await restoreBackup({ archivePath, dataDirectory: data, force: true });
  expect(readFileSync(replaced ?? "", "utf8")).toBe("nothing like a database");
  const store = openStore(data);
  expect(store.sandboxes.find(id)).toBeDefined();
  store.close();
});

test("a backup of a newer Alcove is refused with both schemas", async () => {
  const data = directory("newer");
  const store = openStore(data);
  store.close();
  const database = new Database(join(data, databaseFile));
  database.pragma("user_version = 9000");
  database.close();
  const newer = new Database(join(data, databaseFile));
  const { copyDatabase } = await import("./copy.js");
  await pipeline(packArchive(await copyDatabase(newer, data), facts).content, createWriteStream(archivePath));
  newer.close();
  const restoring = restoreBackup({ archivePath, dataDirectory: directory("target"), force: false });
  await expect(restoring).rejects.toThrow("The database has schema 9000; this Alcove knows schemas up to");
});

test("what was left when copying or restoring was killed is removed by the next daemon", () => {
  const data = directory("killed");
  writeFileSync(join(data, "copying-1"), "half");
  mkdirSync(join(data, "restoring-1"));
  writeFileSync(join(data, "restoring-1", databaseFile), "half");
  openStore(data).close();
  expect(readdirSync(data)).toEqual([databaseFile]);
});

test("a database that a daemon has made while the backup was read is not replaced", async () => {
  await backedUp();
  const target = directory("target");
  const restore = restoreBackup({ archivePath, dataDirectory: target, force: false });
  const store = openStore(target);
  const record = testRecord();
  store.sandboxes.insert(record);
  await expect(restore).rejects.toThrow("has a database");
  expect(readdirSync(target)).not.toContainEqual(expect.stringContaining("replaced"));
  store.close();
  const again = openStore(target);
  expect(again.sandboxes.find(record.id)).toBeDefined();
  again.close();
});

test("before a schema is changed the database is copied, and the newest three copies are kept", () => {
  const data = directory("old");
  const copies = join(data, copiesDirectory);
  mkdirSync(copies);
  const older = [1, 2, 3, 4].map((day) => `2026010${day}T000000000Z-schema-1.db`);
  for (const name of older) writeFileSync(join(copies, name), "");
  writeFileSync(join(copies, "mine.db"), "");
  // Of a daemon that was killed while it copied: it does not count as one of the three.
  writeFileSync(join(copies, "copying-1"), "half");
  const database = new Database(join(data, databaseFile));
  migrate(database, migrations.slice(0, 1));
  database.close();
  openStore(data).close();
  const names = readdirSync(copies).sort();
  expect(names).toHaveLength(4);
  expect(names).toEqual([...older.slice(2), expect.stringMatching(/-schema-1\.db$/), "mine.db"]);
  const copy = new Database(join(copies, names[2] ?? ""), { readonly: true });
  expect(copy.pragma("user_version", { simple: true })).toBe(1);
  copy.close();
  expect(statSync(join(copies, names[2] ?? "")).mode & 0o777).toBe(0o600);
  openStore(data).close();
  expect(readdirSync(copies)).toHaveLength(4);
});

test("a new data directory has nothing to copy, and an error while copying keeps the schema as it is", () => {
  const fresh = directory("fresh");
  openStore(fresh).close();
  expect(readdirSync(fresh)).toEqual([databaseFile]);
  const data = directory("stuck");
  writeFileSync(join(data, copiesDirectory), "in the way");
  const database = new Database(join(data, databaseFile));
  migrate(database, migrations.slice(0, 1));
  database.close();
  expect(() => openStore(data)).toThrow("The database could not be copied before its schema is changed");
  const kept = new Database(join(data, databaseFile));
  expect(kept.pragma("user_version", { simple: true })).toBe(1);
  kept.close();
});
