import fc from "fast-check";
import { expect, test } from "vitest";
import { normalizePath, readPath } from "./path.js";

test.each([
  ["/", "/"],
  ["/a/b", "/a/b"],
  ["/a/b?c=/../d", "/a/b"],
  ["/a%2Fb", "/a/b"],
  ["/a%2fb", "/a/b"],
  ["/a%252Fb", "/a/b"],
  ["/a%25252Fb", "/a/b"],
  ["//a///b//", "/a/b/"],
  ["/a\\b", "/a/b"],
  ["\\a", "/a"],
  ["/a%5Cb", "/a/b"],
  ["/a/./b", "/a/b"],
  ["/a/../b", "/b"],
  ["/a/%2e%2E/b", "/b"],
  ["/a/.%2e/b", "/b"],
  ["/a%2f..%2fb", "/b"],
  ["/a/%252e%252e/b", "/b"],
  ["/a%5c..%5cb", "/b"],
  ["/../../b", "/b"],
  ["/a/..", "/"],
  ["/a/.", "/a/"],
  ["/a/..;x=1/b", "/b"],
  ["/a/..%3bx/b", "/b"],
  ["/a/...", "/a/..."],
  ["/a/..b", "/a/..b"],
  ["/%61%62", "/ab"],
  ["/%C3%A9", "/%C3%A9"],
  ["/%c3%a9", "/%C3%A9"],
  ["/a%20b", "/a%20b"],
  ["/100%25", "/100%25"],
  ["/100%2525", "/100%25"],
  ["/a%3Fb", "/a%3Fb"],
  ["/a%23b", "/a%23b"],
  ["/@scope%2fname", "/@scope/name"],
  ["/%E2%80%AE", "/%E2%80%AE"],
])("%s is %s", (path, normal) => {
  expect(normalizePath(path)).toBe(normal);
});

test.each([
  "",
  "*",
  "a/b",
  "http://example.com/a",
  "/a%",
  "/a%2",
  "/a%zz",
  "/a%00",
  "/a%2500",
  "/a\0",
  "/a b",
  "/a\tb",
  "/a\r\nb",
  "/é",
  "/a#b",
  "/%c0%af",
  "/%c0%ae%c0%ae/",
  "/%e0%80%af",
  "/%f0%80%80%af",
  "/%ff",
  "/%C3",
  "/%ed%a0%80",
  "/%u002f",
  `/%${"25".repeat(20)}2f`,
  `/${"a".repeat(20_000)}`,
])("%j is not trusted", (path) => {
  expect(normalizePath(path)).toBeUndefined();
});

const parts = [
  "/",
  "//",
  "\\",
  "%2f",
  "%5C",
  "%252f",
  ".",
  "..",
  "%2e",
  "%2E%2e",
  "%252e",
  ";",
  "%3b",
  "a",
  "%61",
  "%25",
  "é",
  "%C3%A9",
  "%",
  "?",
  "#",
];
const paths = fc.array(fc.constantFrom(...parts), { maxLength: 12 }).map((each) => `/${each.join("")}`);

test("what is normalised stays so, and has no dot segments, doubled slashes or anything that decodes further", () => {
  let changed = 0;
  fc.assert(
    fc.property(paths, (path) => {
      const normal = normalizePath(path);
      if (normal === undefined) return;
      if (normal !== path) changed++;
      expect(normalizePath(normal)).toBe(normal);
      expect(normal).toMatch(/^\/[!-~]*$/);
      expect(normal.split("/")).not.toContain("..");
      expect(decodeURIComponent(normal)).not.toMatch(/\/\.{1,2}(?:;[^/]*)?(?:\/|$)|\/\/|\\|%[0-9a-f]{2}/i);
    }),
    { numRuns: 8_000 },
  );
  expect(changed).toBeGreaterThan(1_000);
});

test("dot segments are resolved as the URL standard does", () => {
  const dotted = fc.array(fc.constantFrom("a", "b", ".", "..", "%2e", ".%2E"), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(dotted, (segments) => {
      const path = `/${segments.join("/")}`;
      expect(normalizePath(path)).toBe(new URL(path, "http://example.com").pathname);
    }),
    { numRuns: 2_000 },
  );
});

test("no text makes it throw", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.string().map((text) => `/${text}`),
      ),
      (path) => {
        const normal = normalizePath(path);
        if (normal !== undefined) expect(normalizePath(normal)).toBe(normal);
      },
    ),
    { numRuns: 3_000 },
  );
});

test("a path with dot segments or parameters has every reading that a server may have of it", () => {
  const one = (text: string) => ({ certain: [text], possible: [text] });
  expect(readPath("/a//b%2Fc?d=/../e")).toEqual(one("/a/b/c"));
  expect(readPath("/a/../b")).toEqual({ certain: ["/a/../b", "/b"], possible: ["/a/../b", "/b"] });
  expect(readPath("/a//../b")?.certain).toEqual(["/a/../b", "/b", "/a/b"]);
  expect(readPath("/a/;x/../b")?.certain).toEqual(["/a/;x/../b", "/a/b", "/a/../b", "/b"]);
  expect(readPath("/admin;v=1/b")).toEqual({ certain: ["/admin;v=1/b"], possible: ["/admin;v=1/b", "/admin/b"] });
});

test.each([
  "/a/%2e%2e/b",
  "/a%2f../b",
  "/a%2fb/../c",
  "/a/..;x/b",
  "/a\\../b",
  "/a/%252e/b",
  "/a;%2fb",
  "/a%3bx",
  "/a/../%25",
])("%s has too many readings", (path) => {
  expect(readPath(path)).toBeUndefined();
  expect(normalizePath(path)).toBeDefined();
});
