import { type Address, formatAddress, PortIpAccessControl, parseAddress } from "@alcove/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decideAddress } from "./ip-access.js";
import { visitorAddress } from "./visitor.js";

const action = fc.constantFrom("Allow" as const, "Deny" as const);
const word = fc.nat({ max: 0xffff_ffff });
const ipv4 = word.map((one): Address => [one]);
const ipv6 = fc
  .tuple(fc.integer({ min: 0x2000_0000, max: 0x3fff_ffff }), word, word, word)
  .map((words): Address => words);
const address = fc.oneof(ipv4, ipv6);

/** An aligned range and the addresses' bits that it is told by, worked out apart from the code that is tried. */
const range = fc.tuple(address, fc.nat({ max: 128 })).map(([of, prefix]) => {
  const bits = bitsOf(of).slice(0, Math.min(prefix, of.length * 32));
  return { bits, family: of.length, text: `${formatAddress(fromBits(bits, of.length))}/${bits.length}` };
});

const control = fc
  .record({
    defaultAction: action,
    rules: fc.uniqueArray(
      fc.record({ action, priority: fc.nat({ max: 1_000 }), ranges: fc.array(range, { minLength: 1, maxLength: 10 }) }),
      { maxLength: 10, selector: ({ priority }) => priority },
    ),
  })
  .map(({ defaultAction, rules }) => ({
    defaultAction,
    rules: rules.map((rule, at) => ({ ...rule, name: `rule-${at}` })),
  }));

function asPolicy({
  defaultAction,
  rules,
}: {
  defaultAction: "Allow" | "Deny";
  rules: { name: string; action: "Allow" | "Deny"; priority: number; ranges: { text: string }[] }[];
}): PortIpAccessControl {
  return PortIpAccessControl.parse({
    defaultAction,
    rules: rules.map(({ ranges, name, action: what, priority }) => ({
      name,
      action: what,
      priority,
      sourceCidrs: ranges.map(({ text }) => text),
    })),
  });
}

test("the rule with the lowest priority that has the address decides, else the default", () => {
  fc.assert(
    fc.property(control, address, (written, from) => {
      const bits = bitsOf(from);
      const having = written.rules.filter(({ ranges }) =>
        ranges.some((one) => one.family === from.length && bits.startsWith(one.bits)),
      );
      const first = having.reduce<(typeof having)[number] | undefined>(
        (lowest, rule) => (lowest === undefined || rule.priority < lowest.priority ? rule : lowest),
        undefined,
      );
      const verdict = decideAddress(asPolicy(written), from);
      expect(verdict).toEqual(first ? { action: first.action, rule: first.name } : { action: written.defaultAction });
    }),
  );
});

test("the order in which rules are written says nothing", () => {
  fc.assert(
    fc.property(control, address, (written, from) => {
      const turned = { ...written, rules: [...written.rules].reverse() };
      expect(decideAddress(asPolicy(turned), from)).toEqual(decideAddress(asPolicy(written), from));
    }),
  );
});

const rule = { name: "office", action: "Allow", priority: 10, sourceCidrs: ["10.0.0.0/8"] };

test.each([
  ["a range with host bits", { rules: [{ ...rule, sourceCidrs: ["10.0.0.5/8"] }] }],
  ["priority 1001", { rules: [{ ...rule, priority: 1_001 }] }],
  ["a negative priority", { rules: [{ ...rule, priority: -1 }] }],
  ["half a priority", { rules: [{ ...rule, priority: 1.5 }] }],
  ["no range", { rules: [{ ...rule, sourceCidrs: [] }] }],
  ["11 ranges", { rules: [{ ...rule, sourceCidrs: Array.from({ length: 11 }, (_, at) => `10.${at}.0.0/16`) }] }],
  ["11 rules", { rules: Array.from({ length: 11 }, (_, at) => ({ ...rule, name: `r${at}`, priority: at })) }],
  ["a name twice, whatever the case", { rules: [rule, { ...rule, name: "OFFICE", priority: 11 }] }],
  ["a priority twice", { rules: [rule, { ...rule, name: "other" }] }],
  ["a name of 64 characters", { rules: [{ ...rule, name: "n".repeat(64) }] }],
  ["a name with a space", { rules: [{ ...rule, name: "my office" }] }],
  ["no default", { defaultAction: undefined }],
])("%s is refused", (_what, change) => {
  expect(PortIpAccessControl.safeParse({ defaultAction: "Deny", ...change }).success).toBe(false);
  expect(PortIpAccessControl.safeParse({ defaultAction: "Deny", rules: [rule] }).success).toBe(true);
});

test("only what trusted proxies say of who comes is believed", () => {
  const trusted = [{ text: "10.0.0.0/8", first: [0x0a00_0000], prefixLength: 8 }];
  const at = (text: string) => parseAddress(text) ?? [];
  expect(visitorAddress(at("1.1.1.1"), ["2.2.2.2"], trusted)).toEqual(at("1.1.1.1"));
  expect(visitorAddress(at("10.0.0.1"), ["6.6.6.6", "2.2.2.2"], trusted)).toEqual(at("2.2.2.2"));
  expect(visitorAddress(at("10.0.0.1"), ["6.6.6.6", "10.0.0.2"], trusted)).toEqual(at("6.6.6.6"));
  expect(visitorAddress(at("10.0.0.1"), ["unknown"], trusted)).toBeUndefined();
  expect(visitorAddress(at("10.0.0.1"), [], trusted)).toEqual(at("10.0.0.1"));
});

function bitsOf(words: Address): string {
  return words.map((one) => one.toString(2).padStart(32, "0")).join("");
}

function fromBits(bits: string, words: number): Address {
  const padded = bits.padEnd(words * 32, "0");
  return Array.from({ length: words }, (_, at) => Number.parseInt(padded.slice(at * 32, at * 32 + 32), 2));
}
