import type { Sandbox, Snapshot } from "@alcove/contract";
import { expect, test } from "vitest";
import { timelineLines, timelineOf } from "./timeline.js";

let clock = 0;
const now = () => new Date(++clock * 1_000).toISOString();
const sandbox = (id: string, from: { readonly snapshot?: string; readonly forkedFrom?: string } = {}) =>
  ({
    ...{ id, state: "Running", createdAt: now(), ...(from.forkedFrom && { forkedFrom: from.forkedFrom }) },
    sourcesRef: { diskImage: { name: "debian" }, ...(from.snapshot && { snapshot: { id: from.snapshot } }) },
  }) as Sandbox;
const snapshot = (id: string, sandboxId: string, more: Partial<Snapshot> = {}) =>
  ({ id, sandboxId, status: "Ready", createdAt: now(), ...more }) as Snapshot;

test("a tree has snapshots below their sandbox, and below them what came from them", () => {
  const records = {
    sandboxes: [sandbox("a"), sandbox("b", { snapshot: "s1" }), sandbox("c", { forkedFrom: "a" })],
    snapshots: [snapshot("s1", "a", { name: "clean" }), snapshot("s2", "a"), snapshot("s3", "b", { parentId: "s1" })],
  };
  const tree = [
    "sandbox a Running",
    '├─ snapshot s1 "clean" Ready',
    "│  └─ sandbox b Running *",
    "│     └─ snapshot s3 Ready",
    "├─ snapshot s2 Ready",
    "└─ sandbox c Running",
  ];
  expect(timelineLines(timelineOf(records, "b"), "b")).toEqual(tree);
});

test("one that went back shows where, and what it did since hangs there", () => {
  const records = {
    sandboxes: [sandbox("a", { snapshot: "s1" })],
    snapshots: [snapshot("s1", "a"), snapshot("s2", "a"), snapshot("s3", "a", { parentId: "s1" })],
  };
  expect(timelineLines(timelineOf(records, "a"), "a")).toEqual([
    "sandbox a Running *",
    "├─ snapshot s1 Ready (went back to here)",
    "│  └─ snapshot s3 Ready",
    "└─ snapshot s2 Ready",
  ]);
});

test("what is gone is in the tree where something came from it, and records that go in circles end", () => {
  const orphan = { sandboxes: [sandbox("b", { snapshot: "s1" })], snapshots: [snapshot("s1", "a")] };
  expect(timelineLines(timelineOf(orphan, "b"), "b")[0]).toBe("sandbox a gone");
  const circle = {
    sandboxes: [sandbox("a", { snapshot: "s2" }), sandbox("b", { snapshot: "s1" })],
    snapshots: [snapshot("s1", "a"), snapshot("s2", "b")],
  };
  expect(timelineLines(timelineOf(circle, "a"), "a").length).toBeLessThan(6);
});
