import { expect, test } from "vitest";
import { Resolution } from "./resolution.js";

const signal = () => AbortSignal.timeout(10_000);

test("lookups that are never answered keep their places when nobody waits for them any more", async () => {
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  const lookup = (name: string) => {
    asked.push(name);
    return new Promise<{ address: string }[]>((resolve) => answers.push(() => resolve([{ address: "192.0.2.1" }])));
  };
  const resolution = new Resolution({ lookup, timeoutMs: 50 });
  const waiting = Array.from({ length: 8 }, (_, at) => resolution.addressesOf(`h${at}.test`, {}, signal()));
  for (const each of waiting) await expect(each).rejects.toMatchObject({ rule: "unresolved" });
  await expect(resolution.addressesOf("late.test", {}, signal())).rejects.toMatchObject({ rule: "unresolved" });
  expect(asked).toEqual(["h0.test.", "h1.test.", "h2.test.", "h3.test."]);
  answers[0]?.();
  const found = resolution.addressesOf("next.test", {}, signal());
  await expect.poll(() => asked.at(-1), { interval: 1 }).toBe("next.test.");
  answers.at(-1)?.();
  expect(await found).toEqual(["192.0.2.1"]);
});

test("names with dots are asked for as they are, not in the host's search domains", async () => {
  const asked: string[] = [];
  const lookup = async (name: string) => {
    asked.push(name);
    return [{ address: "192.0.2.1" }];
  };
  const resolution = new Resolution({ lookup });
  for (const host of ["a.test", "single", "192.0.2.7", "over.test"]) {
    await resolution.addressesOf(host, { "over.test": "192.0.2.9" }, signal());
  }
  expect(asked).toEqual(["a.test.", "single"]);
});
