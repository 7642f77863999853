import { afterAll, beforeAll, expect, test } from "vitest";
import { parseRange, partOf } from "./byte-range.js";
import { ask, createSandbox, type Served, serve } from "./serve-for-tests.js";

let served: Served;
let path: string;

beforeAll(async () => {
  served = await serve();
  path = (await createSandbox(served.socketPath)).path;
  await write("0123456789");
});
afterAll(() => served[Symbol.asyncDispose]());

const url = (name: string, query = "") => `${path}/files?path=${encodeURIComponent(name)}${query}`;
const write = (text: string, name = "/tmp/digits") =>
  ask(served.socketPath, url(name), { method: "POST", body: Buffer.from(text) });
const read = (headers: Record<string, string>, name = "/tmp/digits", query = "") =>
  ask(served.socketPath, url(name, query), { headers });

test.each([
  ["bytes=2-5", "2345", "bytes 2-5/10"],
  ["bytes=7-", "789", "bytes 7-9/10"],
  ["bytes=-3", "789", "bytes 7-9/10"],
  ["bytes=-300", "0123456789", "bytes 0-9/10"],
  ["Bytes = 9-9", "9", "bytes 9-9/10"],
  ["bytes=5-4000000000000", "56789", "bytes 5-9/10"],
])("%s is answered with that part", async (range, text, contentRange) => {
  const answer = await read({ range });
  expect([answer.status, answer.text, answer.headers["content-range"]]).toEqual([206, text, contentRange]);
  expect(answer.headers["content-length"]).toBe(String(text.length));
});

test.each(["bytes=10-", "bytes=-0", "bytes=500-600"])("%s is of no file with 10 bytes", async (range) => {
  const answer = await read({ range });
  expect(answer.status).toBe(416);
  expect(answer.headers["content-range"]).toBe("bytes */10");
  expect(JSON.parse(answer.text)).toMatchObject({ code: "RangeNotSatisfiable", value: range });
});

test.each([
  "bytes=0-1,4-5",
  "bytes=5-2",
  "bytes=a-b",
  "bytes=-",
  "bytes",
  "bytes=1-2-3",
  "bytes=0x1-2",
  "bytes=99999999999999999-",
])("%s is no range", async (range) => {
  expect(await read({ range })).toMatchObject({ status: 416 });
});

test("a unit that is not bytes is ignored, as is a range of what has no size", async () => {
  expect(await read({ range: "lines=1-2" })).toMatchObject({ status: 200, text: "0123456789" });
  await write("", "/tmp/empty");
  expect(await read({ range: "bytes=0-" }, "/tmp/empty")).toMatchObject({ status: 200, text: "" });
});

test("a whole answer says that parts can be had, and which content it is; HEAD says the same", async () => {
  const { headers } = await read({});
  expect(headers).toMatchObject({ "accept-ranges": "bytes", etag: expect.stringMatching(/^"[0-9a-f-]+"$/) });
  const head = await ask(served.socketPath, url("/tmp/digits"), { method: "HEAD" });
  expect(head.headers).toMatchObject({ etag: headers.etag, "content-length": "10" });
});

test("a range holds only for the content that it was asked of", async () => {
  await write("0123456789", "/tmp/changing");
  const etag = String((await read({}, "/tmp/changing")).headers.etag);
  const part = () => read({ range: "bytes=0-3", "if-range": etag }, "/tmp/changing");
  expect(await part()).toMatchObject({ status: 206, text: "0123" });
  await write("abcdefghij", "/tmp/changing");
  expect(await part()).toMatchObject({ status: 200, text: "abcdefghij" });
});

test("a part named twice is refused, and a file that is not there stays not found", async () => {
  expect(await read({ range: "bytes=0-1" }, "/tmp/digits", "&offset=1")).toMatchObject({
    status: 400,
    json: { field: "range" },
  });
  expect((await read({ range: "bytes=-1" }, "/tmp/nothing")).status).toBe(404);
});

test("sizes beyond 2^32 are counted right", () => {
  const size = 10 * 2 ** 30;
  expect(parseRange(`bytes=${size - 5}-${size - 1}`)).toEqual({ kind: "from", first: size - 5, last: size - 1 });
  expect(partOf({ first: size - 5, last: undefined }, size)).toBe(5);
  expect(partOf({ first: size, last: undefined }, size)).toBeUndefined();
});
