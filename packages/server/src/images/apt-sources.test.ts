import { expect, test } from "vitest";
import { sourceLines, transportOptions } from "./apt-sources.js";

const recipe = { suite: "bookworm", components: ["main"] };

test("a host of the same release lends its mirrors, other releases and components left out", () => {
  const targets = [
    "http://mirror.test/debian/ bookworm main",
    "http://mirror.test/debian/ bookworm main",
    "http://mirror.test/debian/ bookworm contrib",
    "http://mirror.test/security/ bookworm-security main",
    "http://mirror.test/debian/ trixie main",
    "file:/srv/debian/ bookworm-updates main",
    "",
  ];
  expect(sourceLines(targets.join("\n"), recipe)).toEqual([
    "deb http://mirror.test/debian/ bookworm main",
    "deb http://mirror.test/security/ bookworm-security main",
  ]);
});

test("a host of another release lends none, not even a stray one without the release itself", () => {
  expect(sourceLines("http://mirror.test/ubuntu/ noble main", recipe)).toEqual([]);
  expect(sourceLines("http://mirror.test/security/ bookworm-security main", recipe)).toEqual([]);
});

test("of apt's settings only the way to the mirror is taken", () => {
  const dump = [
    'Acquire::http::Proxy "http://proxy.test:3128";',
    'Acquire::https::Proxy::mirror.test "DIRECT";',
    'Acquire::http::Proxy "";',
    'Acquire::GzipIndexes "true";',
  ];
  expect(transportOptions(dump.join("\n"))).toEqual([dump[0], dump[1]]);
});
