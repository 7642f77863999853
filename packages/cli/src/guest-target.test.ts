import { expect, test } from "vitest";
import { UsageError } from "./exit-codes.js";
import { parseTarget } from "./guest-target.js";

test("an id and a colon name a file of a sandbox", () => {
  expect(parseTarget("3f2a:/root/a:b")).toEqual({ kind: "sandbox", sandbox: "3f2a", path: "/root/a:b" });
});

test("labels and a colon name a file of the sandbox that has them, but a local path with an equals sign stays one", () => {
  const target = { kind: "sandbox", sandbox: "app=web,run=42", path: "/root/x" };
  expect(parseTarget("app=web,run=42:/root/x")).toEqual(target);
  expect(parseTarget("./app=web:/x")).toEqual({ kind: "local", path: "./app=web:/x" });
});

test("a lone hyphen is a standard stream, and whatever else a local file", () => {
  expect(parseTarget("-")).toEqual({ kind: "stream" });
  for (const path of ["./3f2a:/x", "notes.txt", "C:/x", "/abs/3f2a:/x"]) {
    expect(parseTarget(path)).toEqual({ kind: "local", path });
  }
});

test("a path in a sandbox that is not absolute is refused with what to write instead", () => {
  expect(() => parseTarget("3f2a:root")).toThrow(UsageError);
  expect(() => parseTarget("3f2a:root")).toThrow(/absolute; seen "3f2a:root"/);
});
