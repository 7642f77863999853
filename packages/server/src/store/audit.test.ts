import { expect, test } from "vitest";
import type { AuditEntry } from "./audit.js";
import { openStore, type Store } from "./store.js";
import { temporaryDirectory } from "./test-record.js";

const everything = { limit: 1_000 };

function withStore(work: (store: Store) => void): void {
  using directory = temporaryDirectory();
  const store = openStore(directory.path);
  try {
    work(store);
  } finally {
    store.close();
  }
}

const entry = (changes: Partial<AuditEntry> = {}): AuditEntry => ({
  ...{ ring: { group: "a" }, at: 1_000, principal: "key:1", endpoint: "createSandbox", status: 201, body: "{}" },
  ...changes,
});

test("each ring keeps its newest, whatever comes into another", () => {
  withStore((store) => {
    for (let at = 1; at <= 5; at++) store.audit.append(entry({ at }), 3);
    for (let at = 1; at <= 50; at++) store.audit.append(entry({ ring: { group: "b" }, at }), 3);
    store.audit.append(entry({ ring: "server", at: 60 }), 3);
    expect(store.audit.listOfGroup("a", everything).map(({ number, at }) => [number, at])).toEqual([
      [5, 5],
      [4, 4],
      [3, 3],
    ]);
    expect(store.audit.list(everything)).toHaveLength(7);
  });
});

test("records are found by time, by who it was, and page by page", () => {
  withStore((store) => {
    store.audit.append(entry({ ring: { group: "b" }, at: 5 }), 100);
    for (let at = 1; at <= 10; at++)
      store.audit.append(entry({ at: at * 10, principal: at % 2 ? "key:1" : "owner" }), 100);
    const times = (filter: object) => store.audit.listOfGroup("a", { ...everything, ...filter }).map(({ at }) => at);
    expect(times({ since: 75 })).toEqual([100, 90, 80]);
    expect(times({ since: 20, until: 40 })).toEqual([30, 20]);
    expect(times({ until: 10 })).toEqual([]);
    expect(times({ since: 101 })).toEqual([]);
    expect(times({ principal: "owner", since: 50 })).toEqual([100, 80, 60]);
    expect(times({ principal: "nobody" })).toEqual([]);
    expect(times({ limit: 2, before: 9 })).toEqual([80, 70]);
    expect(store.audit.list({ ...everything, since: 1, until: 10 }).map(({ group }) => group)).toEqual(["b"]);
  });
});

test("a deleted group's records are the server's, and none of whoever has its name next", () => {
  withStore((store) => {
    store.audit.append(entry({ ring: "server" }), 100);
    store.audit.append(entry(), 100);
    store.audit.append(entry(), 100);
    store.audit.disown("a");
    store.audit.disown("never-there");
    expect(store.audit.listOfGroup("a", everything)).toEqual([]);
    expect(store.audit.list(everything)).toHaveLength(3);
    store.audit.append(entry({ ring: "server" }), 3);
    expect(store.audit.list(everything)).toHaveLength(3);
    store.audit.append(entry(), 100);
    expect(store.audit.listOfGroup("a", everything)).toHaveLength(1);
  });
});
