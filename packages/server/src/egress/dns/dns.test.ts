import fc from "fast-check";
import { expect, test } from "vitest";
import { compileEgress } from "../../policy/egress/compile.js";
import { question } from "../agent-test-kit.js";
import type { NameEntry } from "../gateway.js";
import { answerDns } from "./answer.js";
import { dnsCode, dnsType, encodeName } from "./message.js";
import { indexOfAddress } from "./name-addresses.js";
import { NameTable } from "./name-table.js";

const runs = process.env.ALCOVE_TEST_LONG === undefined ? 3_000 : 200_000;

function resolver({ isFull = false, fails = false, mayAsk = true } = {}) {
  const recorded: NameEntry[] = [];
  const denied: string[] = [];
  const names = new NameTable(async (entry) => {
    if (fails) throw new Error("the disk is full");
    recorded.push(entry);
  });
  if (isFull) names.replace([{ index: 16_384, name: "last.example.com" }]);
  const compiled = compileEgress({
    defaultAction: "Deny",
    hostRules: [{ pattern: "*.example.com", action: "Allow" }],
  });
  const parts = {
    names,
    compiled: () => compiled,
    mayAsk: () => mayAsk,
    decided: ({ host }: { host: string }) => void denied.push(host),
  };
  return { ...parts, recorded, denied, ask: (message: Buffer) => answerDns(message, parts) };
}

/** Code, number of answers, and the data of the last one. */
async function asked(made: ReturnType<typeof resolver>, message: Buffer, dataBytes = 4) {
  const answer = (await made.ask(message)) ?? Buffer.alloc(12);
  const [code, answers] = [answer.readUInt16BE(2) & 15, answer.readUInt16BE(6)];
  return { code, answers, data: answers === 0 ? "" : answer.subarray(-dataBytes).toString("hex") };
}

test("a name gets one address of each kind, on record before it is answered, and never another's", async () => {
  const made = resolver();
  expect(await asked(made, question("API.example.com", dnsType.A))).toEqual({ code: 0, answers: 1, data: "c6120001" });
  expect(made.recorded).toEqual([{ index: 1, name: "api.example.com" }]);
  const six = await asked(made, question("api.example.COM", dnsType.AAAA), 16);
  expect(six).toMatchObject({ data: "fd416c636f7600000000000000000001" });
  expect(await asked(made, question("www.example.com", dnsType.A))).toMatchObject({ data: "c6120002" });
  expect(made.recorded).toHaveLength(2);
  const [one, other] = await Promise.all([1, 28].map((type) => made.ask(question("new.example.com", type))));
  expect(one?.at(-1)).toBe(other?.at(-1));
  expect(made.recorded).toHaveLength(3);
});

test("the answer repeats the question as it was asked, and EDNS where it came with it", async () => {
  const plain = question("wWw.ExAmPle.com", dnsType.A);
  const extended = Buffer.concat([plain, Buffer.from([0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0])]);
  extended[11] = 1;
  const [one, other] = [await resolver().ask(plain), await resolver().ask(extended)];
  expect(one?.subarray(12, plain.length)).toEqual(plain.subarray(12));
  expect(one?.subarray(0, 2)).toEqual(plain.subarray(0, 2));
  expect(other?.readUInt16BE(10)).toBe(1);
  expect(other?.subarray(-11, -8).toString("hex")).toBe("000029");
});

test("what no rule can allow there is not, which is told; what there is has addresses alone", async () => {
  const made = resolver();
  expect(await asked(made, question("evil.test", dnsType.A))).toMatchObject({ code: dnsCode.noSuchName, answers: 0 });
  expect(made.denied).toEqual(["evil.test"]);
  for (const type of [65, 64, 15, 16, 33])
    expect(await asked(made, question("www.example.com", type))).toMatchObject({ code: 0, answers: 0 });
  expect(made.recorded).toEqual([]);
  for (const type of [dnsType.ANY, dnsType.AXFR, dnsType.IXFR])
    expect(await asked(made, question("www.example.com", type))).toMatchObject({ code: dnsCode.refused });
  const chaos = question("www.example.com", dnsType.A);
  chaos[chaos.length - 1] = 3;
  expect(await asked(made, chaos)).toMatchObject({ code: dnsCode.refused });
  for (const address of ["1.2.3.4", "0x7f.1", "2130706433"])
    expect(await asked(made, question(address, dnsType.A))).toMatchObject({ code: dnsCode.noSuchName });
});

test("addresses that stand for names are told backwards, and no others", async () => {
  const made = resolver();
  await made.ask(question("www.example.com", dnsType.A));
  const name = encodeName("www.example.com");
  const four = await asked(made, question("1.0.18.198.in-addr.arpa", dnsType.PTR), name.length);
  expect(four).toEqual({ code: 0, answers: 1, data: name.toString("hex") });
  const six = `1.${"0.".repeat(19)}6.7.f.6.3.6.c.6.1.4.d.f.ip6.arpa`;
  expect(await asked(made, question(six, dnsType.PTR), name.length)).toMatchObject({ answers: 1 });
  for (const other of ["2.0.18.198.in-addr.arpa", "1.1.1.1.in-addr.arpa", "x.in-addr.arpa", "1.ip6.arpa"])
    expect(await asked(made, question(other, dnsType.PTR))).toMatchObject({ code: dnsCode.noSuchName });
});

test("no answer leaves where the name is not on record, the table is full, or too many ask", async () => {
  const fails = resolver({ fails: true });
  expect(await asked(fails, question("a.example.com", 1))).toMatchObject({ code: dnsCode.failure, answers: 0 });
  expect(fails.names.nameOf(1)).toBeUndefined();
  const full = resolver({ isFull: true });
  expect(await asked(full, question("b.example.com", 1))).toMatchObject({ code: dnsCode.failure });
  expect(await asked(full, question("last.example.com", 1))).toMatchObject({ answers: 1 });
  const busy = resolver({ mayAsk: false });
  expect(await asked(busy, question("a.example.com", 1))).toMatchObject({ code: dnsCode.failure });
});

test("an index is not given again after a change of what is on record, and goes with a snapshot that was before it", async () => {
  const made = resolver();
  await made.ask(question("one.example.com", 1));
  await made.ask(question("two.example.com", 1));
  made.names.replace([{ index: 1, name: "one.example.com" }]);
  expect(made.names.nameOf(2)).toBeUndefined();
  expect(await asked(made, question("three.example.com", 1))).toMatchObject({ data: "c6120003" });
  expect(await asked(made, question("one.example.com", 1))).toMatchObject({ data: "c6120001" });
});

test("only addresses of the two ranges stand for names", () => {
  const cases = [
    "198.18.0.5",
    "198.19.255.255",
    "198.20.0.0",
    "198.17.255.255",
    "fd41:6c63:6f76::5",
    "fd41:6c63:6f76:1::5",
  ];
  expect(cases.map(indexOfAddress)).toEqual([5, 131_071, undefined, undefined, 5, undefined]);
  expect(indexOfAddress("::ffff:198.18.0.5")).toBe(5);
});

test("whatever comes as a question, it gets a short answer or none, and never two", { timeout: 60_000 }, async () => {
  const made = resolver();
  const near = fc
    .tuple(
      fc.constantFrom("a.example.com", "evil.test", "1.0.18.198.in-addr.arpa"),
      fc.nat(300),
      fc.array(fc.tuple(fc.nat(60), fc.nat(255))),
    )
    .map(([name, type, changes]) => {
      const message = Buffer.from(question(name, type & 255));
      for (const [at, byte] of changes) if (at < message.length) message[at] = byte;
      return message;
    });
  const pointers = fc
    .array(fc.constantFrom(0xc0, 0x0c, 0, 1, 63, 64, 255))
    .map((bytes) => Buffer.concat([question("a.example.com", 1).subarray(0, 12), Buffer.from(bytes)]));
  const any = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
  await fc.assert(
    fc.asyncProperty(fc.oneof(near, pointers, any), async (message) => {
      const answer = await made.ask(message);
      if (answer === undefined) return;
      expect(answer.length).toBeLessThanOrEqual(message.length + 300);
      expect(answer.readUInt16BE(6)).toBeLessThanOrEqual(1);
      expect(answer.readUInt16BE(2) & 0x8000).toBe(0x8000);
      expect(answer.subarray(0, 2)).toEqual(message.subarray(0, 2));
    }),
    { numRuns: runs },
  );
});
