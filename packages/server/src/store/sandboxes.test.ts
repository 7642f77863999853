import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore, type Store } from "./store.js";
import { temporaryDirectory, testRecord } from "./test-record.js";

const directory = temporaryDirectory();
let store: Store;
beforeAll(() => {
  store = openStore(directory.path);
});
afterAll(() => {
  store.close();
  directory[Symbol.dispose]();
});

const firstPage = { limit: 100, offset: 0 };

test("sandboxes are listed newest first, by pages", () => {
  const records = Array.from({ length: 5 }, () => testRecord({ group: "pages" }));
  for (const record of records) store.sandboxes.insert(record);
  const ids = records.map(({ id }) => id).reverse();
  const page = (offset: number) => store.sandboxes.list({ group: "pages" }, { limit: 2, offset }).map(({ id }) => id);
  expect([...page(0), ...page(2), ...page(4)]).toEqual(ids);
  expect(page(6)).toEqual([]);
});

test("those before one of them are listed alike by group and by label; before one that is gone there are none", () => {
  const records = Array.from({ length: 4 }, () => testRecord({ group: "before", labels: { a: "1" } }));
  for (const record of records) store.sandboxes.insert(record);
  const [first, second, third] = records.map(({ id }) => id);
  for (const labels of [{}, { a: "1" }]) {
    const before = (id: string) =>
      store.sandboxes.list({ group: "before", labels, before: id }, firstPage).map((record) => record.id);
    expect(before(third ?? "")).toEqual([second, first]);
    expect(before(first ?? "")).toEqual([]);
    expect(before("00000000-0000-4000-8000-000000000000")).toEqual([]);
  }
});

test("a selector finds exactly what a scan finds", () => {
  const label = fc.record({ a: fc.constantFrom("0", "1"), b: fc.constantFrom("0", "1", "") }, { requiredKeys: [] });
  const state = fc.constantFrom("Running" as const, "Stopped" as const);
  let group = 0;
  fc.assert(
    fc.property(
      fc.array(fc.record({ labels: label, state }), { maxLength: 12 }),
      label,
      fc.option(state, { nil: undefined }),
      (rows, wanted, wantedState) => {
        const name = `scan${group++}`;
        const records = rows.map((row) =>
          testRecord({ ...row, labels: { ...row.labels } as Record<string, string>, group: name }),
        );
        store.transaction(() => records.forEach((record) => void store.sandboxes.insert(record)));
        const labels = { ...wanted } as Record<string, string>;
        const isWanted = (record: (typeof records)[number]) =>
          Object.entries(labels).every(([key, value]) => record.labels[key] === value) &&
          (wantedState === undefined || record.state === wantedState);
        const filter = { group: name, labels, ...(wantedState === undefined ? {} : { state: wantedState }) };
        const expected = records
          .filter(isWanted)
          .map(({ id }) => id)
          .reverse();
        expect(store.sandboxes.list(filter, firstPage).map(({ id }) => id)).toEqual(expected);
        expect(store.sandboxes.count(filter)).toBe(expected.length);
      },
    ),
    { numRuns: 50 },
  );
});

test("a label's value is data, whatever it looks like", () => {
  const value = "'; drop table sandboxes; --";
  store.sandboxes.insert(testRecord({ group: "hostile", labels: { note: value } }));
  expect(store.sandboxes.count({ group: "hostile", labels: { note: value } })).toBe(1);
  expect(store.sandboxes.count({ group: "hostile", labels: { note: "%" } })).toBe(0);
});

test("a deleted sandbox takes its labels and execs with it, and its number is not used again", () => {
  const record = testRecord({ group: "gone", labels: { a: "b" } });
  store.sandboxes.insert(record);
  store.execs.insert({ id: "one", sandboxId: record.id, startedAt: 1 });
  store.sandboxes.remove(record.id);
  expect(store.sandboxes.count({ group: "gone", labels: { a: "b" } })).toBe(0);
  expect(store.execs.list(record.id)).toEqual([]);
});

test("states are counted", () => {
  const before = store.sandboxes.countByState().Deleting ?? 0;
  const record = testRecord();
  store.sandboxes.insert(record);
  store.sandboxes.update(record.id, { ...record, state: "Deleting", desiredState: "Deleted", generation: 7 });
  expect(store.sandboxes.countByState().Deleting).toBe(before + 1);
  expect(store.sandboxes.find(record.id)).toMatchObject({ state: "Deleting", desiredState: "Deleted", generation: 7 });
});

test("with 10,000 on record, a page by labels costs at most 10 ms of processor time", () => {
  store.transaction(() => {
    for (let index = 0; index < 10_000; index++) {
      const labels = { all: "same", half: `${index % 2}`, rare: `${index}` };
      store.sandboxes.insert(testRecord({ group: "many", state: index % 10 === 0 ? "Stopped" : "Running", labels }));
    }
  });
  const filters = [
    { labels: { all: "same" } },
    { labels: { all: "same", rare: "17" } },
    { labels: { half: "1" }, state: "Running" as const },
    { state: "Stopped" as const },
    {},
  ];
  const rounds = 100;
  for (const filter of filters) {
    const before = process.cpuUsage();
    for (let round = 0; round < rounds; round++) store.sandboxes.list({ group: "many", ...filter }, firstPage);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / rounds / 1_000, JSON.stringify(filter)).toBeLessThan(10);
  }
});
