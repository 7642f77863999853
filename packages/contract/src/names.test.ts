import fc from "fast-check";
import { expect, test } from "vitest";
import { Environment, GuestPath, ImageName, LabelSelector, Labels, parseLabelSelector } from "./names.js";

const key = fc.stringMatching(/^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,20}[A-Za-z0-9])?$/);
const value = fc.stringMatching(/^[A-Za-z0-9._:/=-]{0,20}$/);

test("a selector of any labels means those labels", () => {
  fc.assert(
    fc.property(fc.dictionary(key, value, { minKeys: 1, maxKeys: 8, noNullPrototype: true }), (labels) => {
      const selector = Object.entries(labels)
        .map(([name, text]) => `${name}=${text}`)
        .join(",");
      expect(parseLabelSelector(selector)).toEqual(labels);
      expect(LabelSelector.safeParse(selector).success).toBe(true);
    }),
  );
});

test("no text makes the selector's parser throw, and what it accepts are valid labels", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const labels = parseLabelSelector(text);
      if (labels !== undefined) expect(Labels.safeParse(labels).success).toBe(true);
    }),
  );
});

test.each([
  "",
  "key",
  "=value",
  "a=b,,c=d",
  "a=b,",
  "bad key=1",
  "__proto__=1",
  "a=b,__proto__=1",
  `k=${"v".repeat(64)}`,
])("%j is no selector", (text) => {
  expect(parseLabelSelector(text)).toBeUndefined();
});

test.each(["relative", "", "/nul\0", `/${"x".repeat(4_096)}`, `/${"é".repeat(2_048)}`])(
  "%j is no path of a guest",
  (path) => {
    expect(GuestPath.safeParse(path).success).toBe(false);
  },
);

test.each(["debian", "team/tools:1.2", "a.b-c_d"])("%s is an image's name", (name) => {
  expect(ImageName.safeParse(name).success).toBe(true);
});

test.each(["Debian", "../etc", "a//b", ":tag", "a:", "x".repeat(256)])("%s is no image's name", (name) => {
  expect(ImageName.safeParse(name).success).toBe(false);
});

test("an environment takes names of the shell only, no NUL and 64 KiB in all", () => {
  expect(Environment.safeParse({ PATH: "/bin", _x1: "" }).success).toBe(true);
  for (const environment of [{ "1A": "" }, { "A-B": "" }, { A: "\0" }, { A: "x".repeat(65_536) }]) {
    expect(Environment.safeParse(environment).success).toBe(false);
  }
});
