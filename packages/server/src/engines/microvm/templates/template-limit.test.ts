import { expect, test } from "vitest";
import type { TemplateFacts } from "../../engine.js";
import { templatesToGo } from "./template-limit.js";

const hour = 3_600_000;
const now = 100 * hour;

function template(key: string, hoursAgo: number, rest: Partial<TemplateFacts> = {}): TemplateFacts {
  const lastUsedAt = now - hoursAgo * hour;
  return {
    key,
    image: "i",
    size: undefined,
    bytes: 100,
    createdAt: 0,
    lastUsedAt,
    isCurrent: true,
    users: [],
    ...rest,
  };
}

const gone = (templates: readonly TemplateFacts[], maximumBytes: number) =>
  templatesToGo(templates, { maximumBytes, now }).map(({ key }) => key);

test("the least lately used go until the rest is small enough, and none where it is", () => {
  const all = [template("new", 1), template("old", 3), template("middle", 2)];
  expect(gone(all, 300)).toEqual([]);
  expect(gone(all, 299)).toEqual(["old"]);
  expect(gone(all, 100)).toEqual(["old", "middle"]);
});

test("one that something stands on stays, however much it takes, and counts; one that was just used stays too", () => {
  const held = template("held", 9, { users: ["a"], bytes: 900 });
  expect(gone([held, template("free", 1), template("fresh", 0)], 500)).toEqual(["free"]);
});

test("one that nothing can start from goes whatever there is room for, unless something stands on it", () => {
  const stale = { isCurrent: false };
  expect(gone([template("stale", 1, stale), template("held", 1, { ...stale, users: ["a"] })], 1_000)).toEqual([
    "stale",
  ]);
});
