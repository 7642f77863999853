import { expect, test } from "vitest";
import { FirstWords } from "./first-words.js";

/** What it is, and after how many bytes that was known. */
function heard(text: string): readonly [kind: string | undefined, bytes: number] {
  const words = new FirstWords();
  for (const [at, byte] of [...Buffer.from(text, "latin1")].entries()) {
    const spoken = words.push(Buffer.from([byte]));
    if (spoken === undefined) continue;
    expect(words.bytes.toString("latin1")).toBe(text.slice(0, at + 1));
    return [spoken.kind, at + 1];
  }
  return [undefined, text.length];
}

test.each<[string, string | undefined, number]>([
  ["GET / HTTP/1.1\r\n", "http", 4],
  ["\r\n\r\nPOST /x HTTP/1.1", "http", 9],
  ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http", 4],
  ["PROPFIND / HTTP/1.1", "http", 9],
  ["GE", undefined, 2],
  ["SSH-2.0-OpenSSH", "opaque", 2],
  ["EHLO me\r\n", "opaque", 1],
  ["get / HTTP/1.1", "opaque", 1],
  ["FROB", "opaque", 1],
  ["\0", "opaque", 1],
  ["\x16\x02\x01", "opaque", 2],
  ["\x16\x03", undefined, 2],
  ["\x80\x2e\x01\x03\x01", "opaque", 1],
])("%j, byte by byte", (text, kind, bytes) => {
  expect(heard(text)).toEqual([kind, bytes]);
});

test("a method that nobody knows is HTTP where its line says so", () => {
  expect(new FirstWords().push(Buffer.from("FROB /x HTTP/1.1\r\nHost: a\r\n\r\n"))).toEqual({ kind: "http" });
  expect(new FirstWords().push(Buffer.from("get /x HTTP/1.1\r\n"))).toEqual({ kind: "http" });
  expect(new FirstWords().push(Buffer.from("hello\r\nGET / HTTP/1.1\r\n"))).toEqual({ kind: "opaque" });
});

test("empty lines without end are not waited for", () => {
  const words = new FirstWords();
  expect(words.push(Buffer.alloc(1_000, "\n"))).toBeUndefined();
  expect(words.push(Buffer.alloc(100, "\n"))).toEqual({ kind: "http" });
});

test("a first line that may become a request's is waited for, and at its bound it is one", () => {
  const words = new FirstWords();
  expect(words.push(Buffer.from("FROB /x"))).toBeUndefined();
  expect(words.push(Buffer.alloc(1_000, "x"))).toBeUndefined();
  expect(words.push(Buffer.alloc(100, "x"))).toEqual({ kind: "http" });
  expect(new FirstWords().push(Buffer.from("FROB /x\r\n"))).toEqual({ kind: "opaque" });
});

test.each([
  ["GE", { kind: "http" }],
  ["\r\n", { kind: "http" }],
  ["FROB /x HT", { kind: "http" }],
  ["\x16", { kind: "tls", hello: { fault: expect.any(String) } }],
  ["\x16\x03\x01\x00", { kind: "tls", hello: { fault: expect.any(String) } }],
])("%j is what it may become, when nothing follows", (text, spoken) => {
  const words = new FirstWords();
  expect(words.push(Buffer.from(text, "latin1"))).toBeUndefined();
  expect(words.soFar()).toEqual(spoken);
});

test("TLS that is broken is told as that", () => {
  expect(new FirstWords().push(Buffer.from([22, 3, 1, 0, 0]))).toEqual({
    kind: "tls",
    hello: { fault: expect.any(String) },
  });
});
