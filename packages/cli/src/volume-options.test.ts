import { expect, test } from "vitest";
import { volumesAt } from "./volume-options.js";

test("volumes are gathered by name, with where they go", () => {
  const given = ["data:/data", "models:/srv/models:ro"];
  const found = given.reduce<ReturnType<typeof volumesAt> | undefined>(
    (before, text) => volumesAt(text, before),
    undefined,
  );
  expect(found).toEqual({ data: "/data", models: { mountpoint: "/srv/models", readOnly: true } });
});

test.each(["data", "data:", "data:relative", ":/data", "data:/data:rw", "data:/a:b"])("%s is refused", (text) => {
  expect(() => volumesAt(text)).toThrow(/NAME:DIRECTORY/);
});

test("one volume in two places is refused", () => {
  expect(() => volumesAt("data:/other", { data: "/data" })).toThrow(/twice/);
});
