import { expect, test } from "vitest";
import { changedQuota, limitOf } from "./group-quota.js";

test("a limit that is not given stays, one that is given or taken away changes", () => {
  const present = { cores: 4, memory: "8Gi", sandboxes: 20 };
  expect(changedQuota(present, { cores: 2 })).toEqual({ cores: 2, memory: "8Gi", sandboxes: 20 });
  expect(changedQuota(present, {}, ["memory", "sandboxes"])).toEqual({ cores: 4 });
  expect(changedQuota(present, { sandboxes: 0 }, ["sandboxes"])).toEqual({ cores: 4, memory: "8Gi", sandboxes: 0 });
});

test("what is no limit is refused with those that there are", () => {
  expect(() => limitOf("core")).toThrow("There are the limits cores, memory, disk, sandboxes, images, snapshots.");
});
