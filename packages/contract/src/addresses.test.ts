import { isIP } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatAddress, parseAddress, rangeHas, readRange } from "./addresses.js";

const range = (text: string) => {
  const read = readRange(text);
  if ("message" in read) throw new Error(`${read.message}: ${read.hint}`);
  return read;
};
const has = (text: string, address: string) => rangeHas(range(text), parseAddress(address) ?? []);

test.each([
  ["10.0.0.0/8", "10.255.0.1", true],
  ["10.0.0.0/8", "11.0.0.1", false],
  ["0.0.0.0/0", "255.255.255.255", true],
  ["203.0.113.7/32", "203.0.113.7", true],
  ["203.0.113.7/32", "203.0.113.6", false],
  ["128.0.0.0/1", "127.255.255.255", false],
  ["2001:db8::/32", "2001:db8:ffff::1", true],
  ["2001:db8::/33", "2001:db8:ffff::1", false],
  ["::/0", "10.0.0.1", false],
  ["0.0.0.0/0", "::1", false],
  ["10.0.0.0/8", "::ffff:10.0.0.1", true],
  ["::ffff:10.0.0.0/104", "10.0.0.1", true],
  ["2001:db8::1/128", "2001:db8::2", false],
])("%s has %s: %s", (text, address, isInside) => {
  expect(has(text, address)).toBe(isInside);
});

test.each([
  ["10.0.0.1/8", "The range of /8 that holds it is 10.0.0.0/8."],
  ["192.168.1.255/25", "The range of /25 that holds it is 192.168.1.128/25."],
  ["2001:db8::1/64", "The range of /64 that holds it is 2001:db8::/64."],
  ["10.0.0.1", "Write one address as 10.0.0.1/32."],
  ["::1", "Write one address as ::1/128."],
  ["10.0.0.0/33", "Its prefix is at most 32."],
  ["::/129", "Its prefix is at most 128."],
])("%s is refused: %s", (text, hint) => {
  expect(readRange(text)).toMatchObject({ message: expect.stringMatching(/^must be /), hint });
});

test.each([
  "",
  "/8",
  "10.0.0/8",
  "010.0.0.0/8",
  "0x0a.0.0.0/8",
  "10.0.0.0/",
  "10.0.0.0/-1",
  "10.0.0.0/08x",
  "[::]/0",
  "fe80::%1/64",
  "a/8",
  "10.0.0.0/8/8",
  "256.0.0.0/8",
  ":::/8",
  "1::2::3/8",
  "1:2:3:4:5:6:7:8:9/8",
])("%j is no range", (text) => {
  expect(readRange(text)).toHaveProperty("message");
});

test("addresses are read as Node reads them, and come out in the form of the URL standard", () => {
  const hextet = fc.oneof(
    fc.constant("0"),
    fc.constant(""),
    fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16)),
  );
  const ipv6 = fc.array(hextet, { minLength: 2, maxLength: 9 }).map((parts) => parts.join(":"));
  const octets = fc.array(fc.oneof(fc.nat(300).map(String), fc.constant("01")), { minLength: 3, maxLength: 5 });
  const texts = fc.oneof(
    ipv6,
    octets.map((each) => each.join(".")),
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV4().map((each) => `::ffff:${each}`),
  );
  let count = 0;
  fc.assert(
    fc.property(texts, (text) => {
      const address = parseAddress(text);
      expect(address !== undefined).toBe(isIP(text) !== 0);
      if (address === undefined) return;
      count++;
      const canonical = formatAddress(address);
      expect(parseAddress(canonical)).toEqual(address);
      const url = new URL(`http://${isIP(text) === 6 ? `[${text}]` : text}/`);
      if (!/^\[::ffff:/.test(url.hostname)) expect(url.hostname.replace(/[[\]]/g, "")).toBe(canonical);
    }),
    { numRuns: 4_000 },
  );
  expect(count).toBeGreaterThan(800);
});
