import { describe, expect, test } from "vitest";
import { LeafCache } from "./leaf-cache.js";

const day = 86_400_000;

function counting() {
  const issued: string[] = [];
  const clock = { now: 0 };
  const issue = async (group: string, host: string) => {
    issued.push(`${group} ${host}`);
    if (host === "broken.example") throw new Error("no key");
    return { host };
  };
  return { issued, clock, cache: new LeafCache({ issue, now: () => clock.now }) };
}

describe("certificates that were issued", () => {
  test("are the same object for the same name of the same group, also for callers at once", async () => {
    const { cache, issued } = counting();
    const [one, other] = await Promise.all([cache.get("a", "x.example"), cache.get("a", "x.example")]);
    expect(one).toBe(other);
    expect(await cache.get("a", "x.example")).toBe(one);
    expect(await cache.get("b", "x.example")).not.toBe(one);
    expect(issued).toEqual(["a x.example", "b x.example"]);
  });

  test("are issued anew long before they end", async () => {
    const { cache, clock, issued } = counting();
    await cache.get("a", "x.example");
    clock.now = 2 * day;
    await cache.get("a", "x.example");
    expect(issued).toHaveLength(1);
    clock.now = 4 * day;
    await cache.get("a", "x.example");
    expect(issued).toHaveLength(2);
  });

  test("that failed are asked for again", async () => {
    const { cache, issued } = counting();
    await expect(cache.get("a", "broken.example")).rejects.toThrow("no key");
    await expect(cache.get("a", "broken.example")).rejects.toThrow("no key");
    expect(issued).toHaveLength(2);
  });

  test("are kept for a thousand names, those that were asked for last", async () => {
    const { cache, issued } = counting();
    for (let at = 0; at < 1_000; at++) await cache.get("a", `h${at}.example`);
    await cache.get("a", "h0.example");
    await cache.get("a", "one-more.example");
    issued.length = 0;
    await cache.get("a", "h0.example");
    await cache.get("a", "h1.example");
    expect(issued).toEqual(["a h1.example"]);
  });

  test("are forgotten with their group alone", async () => {
    const { cache, issued } = counting();
    for (const group of ["a", "ab"]) await cache.get(group, "x.example");
    cache.forget("a");
    for (const group of ["a", "ab"]) await cache.get(group, "x.example");
    expect(issued).toEqual(["a x.example", "ab x.example", "a x.example"]);
  });
});
