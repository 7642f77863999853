import { expect, test } from "vitest";
import { Pipe } from "./pipe.js";

const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString());

test("what is written is read, and the end follows", async () => {
  const pipe = new Pipe();
  await pipe.write(Buffer.from("a"));
  await pipe.write(Buffer.from("b"));
  pipe.end();
  expect([text(await pipe.read()), text(await pipe.read()), await pipe.read()]).toEqual(["a", "b", undefined]);
});

test("the writer waits while too much is unread", async () => {
  const pipe = new Pipe(4);
  await pipe.write(Buffer.alloc(4));
  let hasWritten = false;
  const writing = pipe.write(Buffer.from("x")).then(() => {
    hasWritten = true;
  });
  await new Promise(setImmediate);
  expect(hasWritten).toBe(false);
  await pipe.read();
  await writing;
  expect(hasWritten).toBe(true);
});

test("a writer learns that nobody reads any more", async () => {
  const pipe = new Pipe(1);
  await pipe.write(Buffer.from("x"));
  const writing = pipe.write(Buffer.from("y"));
  pipe.break();
  expect(await writing).toBe(false);
  expect(await pipe.write(Buffer.from("z"))).toBe(false);
  expect(pipe.isOpen).toBe(false);
});

test("an abort ends a wait on either end", async () => {
  const pipe = new Pipe(1);
  const controller = new AbortController();
  const reading = pipe.read(controller.signal);
  controller.abort(new Error("enough"));
  await expect(reading).rejects.toThrow("enough");
});
