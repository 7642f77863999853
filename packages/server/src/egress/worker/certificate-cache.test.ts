import { describe, expect, test } from "vitest";
import { CertificateCache } from "./certificate-cache.js";

function counting() {
  const issued: string[] = [];
  const cache = new CertificateCache();
  const get = (group: string, host: string) =>
    cache.get(group, host, async () => {
      issued.push(`${group} ${host}`);
      if (host === "broken.example") throw new Error("no key");
      return { certificate: host, key: group };
    });
  return { issued, cache, get };
}

describe("certificates that were issued", () => {
  test("are the same object for the same name of the same group, also for callers at once", async () => {
    const { get, issued } = counting();
    const [one, other] = await Promise.all([get("a", "x.example"), get("a", "x.example")]);
    expect(one).toBe(other);
    expect(await get("a", "x.example")).toBe(one);
    expect(await get("b", "x.example")).not.toBe(one);
    expect(issued).toEqual(["a x.example", "b x.example"]);
  });

  test("that failed are asked for again", async () => {
    const { get, issued } = counting();
    await expect(get("a", "broken.example")).rejects.toThrow("no key");
    await expect(get("a", "broken.example")).rejects.toThrow("no key");
    expect(issued).toHaveLength(2);
  });

  test("are kept for a thousand names, those that were asked for last", async () => {
    const { get, issued } = counting();
    for (let at = 0; at < 1_000; at++) await get("a", `h${at}.example`);
    await get("a", "h0.example");
    await get("a", "one-more.example");
    issued.length = 0;
    await get("a", "h0.example");
    await get("a", "h1.example");
    expect(issued).toEqual(["a h1.example"]);
  });

  test("are kept whatever another group asks for", async () => {
    const { get, issued } = counting();
    await get("a", "x.example");
    for (let at = 0; at < 1_001; at++) await get("b", `h${at}.example`);
    issued.length = 0;
    await get("a", "x.example");
    expect(issued).toEqual([]);
  });

  test("are forgotten with their group alone", async () => {
    const { cache, get, issued } = counting();
    for (const group of ["a", "ab"]) await get(group, "x.example");
    cache.forget("a");
    for (const group of ["a", "ab"]) await get(group, "x.example");
    expect(issued).toEqual(["a x.example", "ab x.example", "a x.example"]);
  });
});
