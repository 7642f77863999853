import { networkInterfaces } from "node:os";
import { expect, test } from "vitest";
import { isForbiddenAddress } from "./forbidden-addresses.js";

test.each([
  ...["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.31.255.255"],
  ...["192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.9", "224.0.0.1", "240.0.0.1"],
  ...["255.255.255.255", "168.63.129.16", "::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd41:6c63:6f76::1", "ff02::1"],
  ...["::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b:1::1"],
  ...["2002:7f00:1::", "2002:0808:0808::1", "2001:0:1::1", "2001:db8::1", "100::1", "5f00::1", "3fff::1"],
  ...["", "example.com", "1.2.3", "1.2.3.4%eth0", "fe80::1%eth0", "08.8.8.8"],
])("nothing is sent to %s", (address) => {
  expect(isForbiddenAddress(address)).toBe(true);
});

test.each([
  "8.8.8.8",
  "172.32.0.1",
  "100.128.0.1",
  "192.0.1.1",
  "2606:4700::1111",
  "64:ff9b::8.8.8.8",
  "::ffff:8.8.8.8",
])("%s is anybody's", (address) => {
  expect(isForbiddenAddress(address)).toBe(false);
});

test("none of this host's own addresses is sent to", () => {
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  expect(own.length).toBeGreaterThan(0);
  for (const { address } of own) expect(isForbiddenAddress(address)).toBe(true);
});
