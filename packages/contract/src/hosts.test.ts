import { isIP } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { normalizeHost, readHostPattern } from "./hosts.js";

test.each([
  ["example.com", "example.com"],
  ["EXAMPLE.com.", "example.com"],
  ["Bücher.example", "xn--bcher-kva.example"],
  ["xn--bcher-kva.example", "xn--bcher-kva.example"],
  ["faß.de", "xn--fa-hia.de"],
  ["ｅｘａｍｐｌｅ．com", "example.com"],
  ["example。com", "example.com"],
  ["_dmarc.example.com", "_dmarc.example.com"],
  ["раураl.com", "xn--l-7sba6dbr.com"],
  ["127.0.0.1", "127.0.0.1"],
  ["127.1", "127.0.0.1"],
  ["2130706433", "127.0.0.1"],
  ["0177.0.0.1", "127.0.0.1"],
  ["0x7f.0.0.1", "127.0.0.1"],
  ["0x7f000001", "127.0.0.1"],
  ["127.0.0.1.", "127.0.0.1"],
  ["１２７.0.0.1", "127.0.0.1"],
  ["::1", "::1"],
  ["[::1]", "::1"],
  ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
  ["::ffff:127.0.0.1", "127.0.0.1"],
  ["[::FFFF:7f00:1]", "127.0.0.1"],
])("%s is %s", (text, host) => {
  expect(normalizeHost(text)).toEqual({ host, isAddress: isIP(host) !== 0 });
});

test.each([
  ...[
    "",
    ".",
    "..",
    "a..b",
    ".a",
    "a..",
    "a b",
    " a",
    "a\n",
    "a\tb",
    "a\0",
    "a/b",
    "a?b",
    "a#b",
    "a\\b",
    "a@b",
    "user@a",
    "a:80",
    "a:",
  ],
  ...[
    "[::1]:80",
    "[::1",
    "::1]",
    "[a]",
    "fe80::1%eth0",
    "%65xample.com",
    "a%2eb",
    "*.a",
    "a,b",
    "http://a",
    "256.1.1.1",
    "1.2.3.4.5",
  ],
  ...[
    "a.1",
    "foo.0x1",
    "1.2.3.4x:",
    "xn--\u00e9",
    "xn--a",
    `${"a".repeat(64)}.com`,
    `${"a.".repeat(127)}com`,
    "[::ffff:1.2.3.256]",
  ],
])("%j is no host", (text) => {
  expect(normalizeHost(text)).toBeUndefined();
});

test("a host in normal form stays so, is what Node's URL parser makes of it, and is nothing but plain ASCII", () => {
  const parts = [
    "a",
    "B",
    "é",
    "ß",
    "1",
    "0x7f",
    "255",
    "256",
    ".",
    "。",
    "-",
    "_",
    "xn--",
    "xn--bcher-kva",
    "::",
    ":",
    "[",
    "]",
    "%31",
    "@",
    "/",
    "\u00ad",
    "\u200d",
    "𝟙",
    "１",
  ];
  const made = fc.array(fc.constantFrom(...parts), { maxLength: 8 }).map((each) => each.join(""));
  const texts = fc.oneof(made, fc.string({ unit: "binary", maxLength: 20 }), fc.domain(), fc.ipV4Extended(), fc.ipV6());
  let hosts = 0;
  fc.assert(
    fc.property(texts, (text) => {
      const normal = normalizeHost(text);
      if (normal === undefined) return;
      hosts++;
      const { host, isAddress } = normal;
      expect(normalizeHost(host)).toEqual(normal);
      expect(host).toMatch(/^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f:]+)$/);
      expect(isIP(host) !== 0).toBe(isAddress);
      const url = new URL(`http://${isIP(text) === 6 ? `[${text}]` : text}/`);
      expect([url.port, url.username, url.pathname, url.search, url.hash]).toEqual(["", "", "/", "", ""]);
      const hostname = url.hostname.replace(/\.$/, "");
      if (!hostname.startsWith("[::ffff:")) expect(hostname.replace(/[[\]]/g, "")).toBe(host);
    }),
    { numRuns: 6_000 },
  );
  expect(hosts).toBeGreaterThan(1_000);
});

test.each([
  ["*", "*"],
  ["**", "*"],
  ["*.Example.com.", "*.example.com"],
  ["**.example.com", "*.example.com"],
  ["*.bücher.example", "*.xn--bcher-kva.example"],
  ["*。bücher。example", "*.xn--bcher-kva.example"],
  ["api-?.example.com", "api-?.example.com"],
  ["0x7f.1", "127.0.0.1"],
  ["[2001:DB8::1]", "2001:db8::1"],
  ["1*.example.com", "1*.example.com"],
])("the pattern %s is %s", (text, pattern) => {
  expect(readHostPattern(text)).toEqual({ pattern });
});

test.each([
  ["https://example.com", /scheme/],
  ["example.com/path", /path/],
  ["10.0.0.0/8", /range/],
  ["example.com:443", /port/],
  ["*.example.com:443", /port/],
  ["[::1]:443", /port/],
  ["*..example.com", /empty label/],
  ["a..b", /host name/],
  [".*", /empty label/],
  ["10.*", /wildcards in an address/],
  ["192.168.?.1", /wildcards in an address/],
  ["*.1", /wildcards in an address/],
  ["fe80::*", /wildcards in an address/],
  ["bü*.example", /host name/],
  ["* .example", /host name/],
  ["a b", /host name/],
  ["", /host name/],
])("the pattern %j is refused: %s", (text, why) => {
  expect(readHostPattern(text)).toMatchObject({
    message: expect.stringMatching(why),
    hint: expect.stringMatching(/\.$/),
  });
});
