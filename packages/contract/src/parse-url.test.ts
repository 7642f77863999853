import { expect, test } from "vitest";
import { normalizeHost } from "./hosts.js";
import { parseUrl } from "./parse-url.js";

test("what is a URL is one however often it is asked", () => {
  const answers = new Set(Array.from({ length: 20_000 }, () => parseUrl("http://Ö/")?.hostname));
  expect([...answers]).toEqual(["xn--nda"]);
  expect(parseUrl("Ö")).toBeUndefined();
});

test("so is a host", () => {
  const answers = new Set(Array.from({ length: 20_000 }, () => normalizeHost("bücher.example")?.host));
  expect([...answers]).toEqual(["xn--bcher-kva.example"]);
});
