import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { debian, group, never, TestHost } from "../test-daemon.js";
import type { LogItem } from "./exec-control.js";

const writesTwice = { ...debian, cmd: ["sh", "-c", "echo before; sleep 0.2; echo after; sleep 60"] };

function textsOf(items: readonly LogItem[]): string[] {
  return items.map((item) => ("bytes" in item ? String(Buffer.from(item.bytes)).trim() : Object.keys(item).join()));
}

test("a log that is followed goes on over a sleep, and says where it was; who asks later is told too", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, writesTwice, never);
  const items: LogItem[] = [];
  const ending = new AbortController();
  const logs = await control.execs.logs(sandbox, { tailLines: 10, follow: true }, ending.signal);
  const followed = (async () => {
    for await (const item of logs) items.push(item);
  })().catch(() => undefined);
  await waitFor(() => textsOf(items).includes("before") || undefined, never);
  await control.sandboxes.stop(sandbox, {}, never);
  await control.sandboxes.resume(sandbox, {}, never);
  await waitFor(() => textsOf(items).includes("after") || undefined, never);
  ending.abort();
  await followed;
  const told = ["before", "stoppedAtUnixMs,resumedAtUnixMs", "after"];
  expect(textsOf(items)).toEqual(told);
  const later: LogItem[] = [];
  for await (const item of await control.execs.logs(sandbox, { tailLines: 10, follow: false }, never)) later.push(item);
  expect(textsOf(later)).toEqual(told);
});

test("whoever follows the log of a sandbox that sleeps waits until it runs", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, writesTwice, never);
  await control.sandboxes.stop(sandbox, {}, never);
  const logs = control.execs.logs(sandbox, { tailLines: 10, follow: true }, never);
  expect(await Promise.race([logs, waitFor(async () => "waits", never)])).toBe("waits");
  expect((await control.sandboxes.get(sandbox)).state).toBe("Stopped");
  await control.sandboxes.resume(sandbox, {}, never);
  for await (const item of await logs) if (textsOf([item])[0] === "after") return;
  throw new Error("the log ended");
});

test("only what was written since a time is told", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, { ...debian, cmd: ["sh", "-c", "echo once"] }, never);
  const read = async (sinceUnixMs: number) => {
    const items: LogItem[] = [];
    const options = { tailLines: 10, follow: false, sinceUnixMs };
    for await (const item of await control.execs.logs(sandbox, options, never)) items.push(item);
    return textsOf(items);
  };
  await waitFor(async () => ((await read(0)).length > 0 ? true : undefined), never);
  expect(await read(Date.now() - 3_600_000)).toEqual(["once"]);
  expect(await read(Date.now() + 3_600_000)).toEqual([]);
});
