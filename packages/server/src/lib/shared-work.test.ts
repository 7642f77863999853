import { describe, expect, it } from "vitest";
import { SharedWork } from "./shared-work.js";

const never = new AbortController().signal;

describe("shared work", () => {
  it("is done once for all who want it at the same time, and anew for who comes later", async () => {
    const shared = new SharedWork<string, number>();
    let times = 0;
    const work = async () => ++times;
    expect(await Promise.all([shared.run("a", work, never), shared.run("a", work, never)])).toEqual([1, 1]);
    expect(await shared.run("a", work, never)).toBe(2);
  });

  it("goes on while one caller is left, and ends with the last one", async () => {
    const shared = new SharedWork<string, never>();
    const [first, second] = [new AbortController(), new AbortController()];
    let ended = false;
    const work = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => {
          ended = true;
          reject(signal.reason);
        });
      });
    const calls = [shared.run("a", work, first.signal), shared.run("a", work, second.signal)];
    first.abort(new Error("first gave up"));
    await expect(calls[0]).rejects.toThrow("first gave up");
    expect(ended).toBe(false);
    second.abort(new Error("second gave up"));
    await expect(calls[1]).rejects.toThrow("second gave up");
    expect(ended).toBe(true);
  });

  it("is tried anew after it failed", async () => {
    const shared = new SharedWork<string, string>();
    const failing = async () => Promise.reject(new Error("no luck"));
    await expect(shared.run("a", failing, never)).rejects.toThrow("no luck");
    expect(await shared.run("a", async () => "luck", never)).toBe("luck");
  });

  it("is undone before the last caller is told, and before it is begun anew", async () => {
    const shared = new SharedWork<string, string>();
    const order: string[] = [];
    const work = (signal: AbortSignal) =>
      new Promise<string>((_, reject) => {
        signal.addEventListener("abort", () => {
          setTimeout(() => {
            order.push("undone");
            reject(signal.reason);
          }, 20);
        });
      });
    const caller = new AbortController();
    const first = shared.run("a", work, caller.signal).catch(() => order.push("told"));
    caller.abort(new Error("gave up"));
    await new Promise((resolve) => setImmediate(resolve));
    const second = shared.run("a", async () => `anew after ${order.length}`, never);
    expect(await second).toBe("anew after 1");
    await first;
    expect(order).toEqual(["undone", "told"]);
  });
});
