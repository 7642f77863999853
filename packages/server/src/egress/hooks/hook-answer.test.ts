import fc from "fast-check";
import { expect, test } from "vitest";
import { readHookAnswer } from "./hook-answer.js";

const flow = { scheme: "https" as const, host: "api.test" };
const read = (answer: unknown, about: Parameters<typeof readHookAnswer>[1] = flow) =>
  readHookAnswer(typeof answer === "string" ? answer : JSON.stringify(answer), about);
const set = (more: object) => ({
  action: { type: "Transform", headers: [{ operation: "Set", name: "X-Any", ...more }] },
});

test.each([
  [{ action: { type: "Allow" } }, undefined],
  [{ action: { type: "Deny" }, reason: " no.  " }, "no"],
  [set({ value: "x" }), undefined],
  [{ action: { type: "Rewrite", host: "b.test", path: "/x" }, reason: "a\nb" }, "a\\u{a}b"],
])("%j is taken", (answer, reason) => {
  expect(read(answer)).toEqual({ action: answer.action, reason });
});

test.each([
  ["", "no JSON"],
  ["[".repeat(100_000), "no JSON"],
  [{}, "action"],
  [{ action: "Allow" }, "action"],
  [{ action: { type: "Hook" } }, "action.type"],
  [{ action: { type: "Allow" }, more: 1 }, "more"],
  [{ action: { type: "Allow" }, reason: 1 }, "reason"],
  [{ action: { type: "Transform" } }, "action.headers"],
  [set({ value: "a\nb" }), "action.headers"],
  [set({ valueRef: { secretRef: { secretId: "abc" } } }), "stands elsewhere"],
  [set({ name: "Content-Length", value: "0" }), "header of the connection"],
  [{ action: { type: "Rewrite" } }, "must change something"],
  [{ action: { type: "Rewrite", host: "a/b" } }, "host"],
])("%j is not, in half a sentence that says why", (answer, why) => {
  expect(() => read(answer)).toThrow(why);
});

test("where a request may go in plain HTTP the endpoint gives it no credential", () => {
  const answer = set({ name: "Authorization", value: "x" });
  expect(read(answer).action.type).toBe("Transform");
  expect(() => read(answer, { ...flow, scheme: "http" })).toThrow("credential");
  expect(read({ action: { type: "Deny" } }, { scheme: "http", host: "2001:db8::1" }).action.type).toBe("Deny");
});

test("a reason of any length is cut", () => {
  expect(read({ action: { type: "Deny" }, reason: "x".repeat(4_000) }).reason).toHaveLength(301);
});

test("whatever comes is refused with an Error, or is an action that a rule could have", () => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.record({ action: fc.anything(), reason: fc.anything() }).map((each) => JSON.stringify(each)),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        expect(["Allow", "Deny", "Transform", "Rewrite"]).toContain(read(text ?? "").action.type);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect((error as Error).name).toBe("Error");
      }
    }),
    { numRuns: 1_000 },
  );
});
