import { createSocket } from "node:dgram";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { createLookup } from "./lookup.js";
import { Resolution } from "./resolution.js";

const lookUp = createLookup();

const signal = () => AbortSignal.timeout(20_000);

/** A name server on loopback that is asked, and answers what `answer` makes of a question. */
async function nameServer(answer: (question: Buffer) => Buffer | undefined) {
  const asked: string[] = [];
  const server = createSocket("udp4");
  server.on("message", (question, { port, address }) => {
    asked.push(nameIn(question));
    const said = answer(question);
    if (said !== undefined) server.send(said, port, address);
  });
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { asked, servers: [`127.0.0.1:${server.address().port}`] };
}

function nameIn(question: Buffer): string {
  const labels: string[] = [];
  for (let at = 12, length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
    labels.push(question.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return labels.join(".");
}

/** An A or AAAA record, as it was asked for. */
function answerTo(question: Buffer): Buffer {
  const end = question.indexOf(0, 12) + 5;
  const isSix = question.readUInt16BE(end - 4) === 28;
  const address = isSix ? [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 7] : [192, 0, 2, 1];
  const header = Buffer.from([question[0] ?? 0, question[1] ?? 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
  const record = [0xc0, 12, 0, isSix ? 28 : 1, 0, 1, 0, 0, 0, 60, 0, address.length, ...address];
  return Buffer.concat([header, question.subarray(12, end), Buffer.from(record)]);
}

test("names with dots are asked for as they are, for both families, and never in the host's search domains", async () => {
  const { asked, servers } = await nameServer(answerTo);
  expect(await lookUp("a.test", signal(), { servers })).toEqual(["192.0.2.1", "2001:db8::7"]);
  expect(new Set(asked)).toEqual(new Set(["a.test"]));
});

test("an answer for one family does not wait long for the other", async () => {
  const isSix = (question: Buffer) => question.readUInt16BE(question.indexOf(0, 12) + 1) === 28;
  const { servers } = await nameServer((question) => (isSix(question) ? undefined : answerTo(question)));
  expect(await lookUp("a.test", signal(), { servers })).toEqual(["192.0.2.1"]);
});

test("an address stands for itself, an override goes before, and a label is left to the system", async () => {
  const asked: string[] = [];
  const lookup = async (name: string) => {
    asked.push(name);
    return ["192.0.2.1"];
  };
  const resolution = new Resolution({ lookup });
  for (const host of ["a.test", "single", "192.0.2.7", "over.test"]) {
    await resolution.addressesOf(host, { "over.test": "192.0.2.9" }, signal());
  }
  expect(asked).toEqual(["a.test", "single"]);
  expect(await lookUp("localhost", signal())).toContain("127.0.0.1");
});

test("a label that the system is not through with keeps its place, and names with dots need none of it", async () => {
  const asked: string[] = [];
  const lookup = (name: string) => {
    asked.push(name);
    return name.includes(".") ? Promise.resolve(["192.0.2.1"]) : new Promise<string[]>(() => {});
  };
  const resolution = new Resolution({ lookup, timeoutMs: 50 });
  for (const host of ["one", "two"])
    await expect(resolution.addressesOf(host, {}, signal())).rejects.toMatchObject({ rule: "unresolved" });
  expect(await resolution.addressesOf("a.test", {}, signal())).toEqual(["192.0.2.1"]);
  expect(asked).toEqual(["one", "a.test"]);
});

test("silent name servers hold neither threads nor places: others find their names meanwhile, and so does the sandbox afterwards", async () => {
  const silent = await nameServer(() => undefined);
  const good = await nameServer(answerTo);
  const lookup = (name: string, within: AbortSignal) =>
    lookUp(name, within, { servers: name.startsWith("h") ? silent.servers : good.servers });
  const sandboxes = Array.from({ length: 16 }, () => new Resolution({ lookup, timeoutMs: 1_000 }));
  const waiting = sandboxes.flatMap((each) =>
    Array.from({ length: 8 }, (_, at) => each.addressesOf(`h${at}.test`, {}, signal()).catch((error) => error)),
  );
  await expect.poll(() => new Set(silent.asked).size, { timeout: 10_000 }).toBe(4);
  expect(silent.asked, "of each sandbox four at once").not.toContain("h4.test");
  // As many as there are threads are not enough to hold up the system's own lookups.
  expect(await lookUp("localhost", signal())).toContain("127.0.0.1");
  expect(await new Resolution({ lookup }).addressesOf("a.test", {}, signal())).toContain("192.0.2.1");
  for (const failure of await Promise.all(waiting)) expect(failure).toMatchObject({ rule: "unresolved" });
  expect(await sandboxes[0]?.addressesOf("b.test", {}, signal())).toContain("192.0.2.1");
});
