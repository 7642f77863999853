import { expect, test } from "vitest";
import { testTrace } from "./span-test-kit.js";
import { currentSpan, eachInSpan, failureType, inSpan } from "./tracing.js";

test("work is a part of the span that it is done in, over every wait", async () => {
  const { span, spans } = testTrace();
  await span.run(() =>
    inSpan("outer", { attributes: { a: 1 } }, async () => {
      await Promise.resolve();
      await Promise.all([inSpan("one", {}, async () => undefined), inSpan("other", {}, async () => undefined)]);
    }),
  );
  expect(spans.map(({ name, parent, isOver }) => [name, parent?.name, isOver])).toEqual([
    ["request", undefined, false],
    ["outer", "request", true],
    ["one", "outer", true],
    ["other", "outer", true],
  ]);
});

test("without a request's span there is none, and the work is done as it is", async () => {
  const work = async () => currentSpan();
  expect(await inSpan("nothing", {}, work)).toBeUndefined();
  const items = (async function* () {})();
  expect(eachInSpan("nothing", {}, () => items)).toBe(items);
});

test("a failure is told by its class, never by its sentence", async () => {
  const { span, spans } = testTrace();
  const fault = Object.assign(new Error("no such file /root/secret"), { code: "ENOENT" });
  await expect(span.run(() => inSpan("work", {}, () => Promise.reject(fault)))).rejects.toBe(fault);
  expect(spans[1]).toMatchObject({ failed: "ENOENT", isOver: true });
  expect(failureType(new TypeError("x"))).toBe("TypeError");
  expect(failureType("secret")).toBe("unknown");
});

test("what comes one by one is in its span until the last, or until nobody reads any more", async () => {
  const { span, spans } = testTrace();
  const seen: (string | undefined)[] = [];
  const items = async function* () {
    for (const item of [1, 2, 3]) {
      seen.push(currentSpan()?.spanId);
      yield item;
    }
  };
  const all = span.run(() => eachInSpan("items", {}, items));
  for await (const item of all) if (item === 2) break;
  expect(spans[1]).toMatchObject({ name: "items", isOver: true });
  expect(seen).toEqual([spans[1]?.spanId, spans[1]?.spanId]);
});

test("what outlives its request is part of nothing, and no request has parts without end", () => {
  const { span, spans } = testTrace();
  for (let part = 0; part < 2_000; part++) span.begin("part")?.end();
  expect(spans).toHaveLength(501);
  const other = testTrace();
  const part = other.span.begin("part");
  other.span.end();
  expect(other.span.begin("late")).toBeUndefined();
  expect(part?.begin("of what goes on")).toBeDefined();
  expect(other.span.run(currentSpan)).toBeUndefined();
});

test("what somebody wrote is cut", () => {
  const { span, spans } = testTrace();
  span.begin("part", { attributes: { text: "x".repeat(100_000) } })?.add({ more: "y".repeat(100_000) });
  expect(JSON.stringify(spans[1]?.attributes).length).toBeLessThan(600);
});
