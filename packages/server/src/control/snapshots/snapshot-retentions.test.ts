import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { TimedHost } from "../policies/timed-host-test-kit.js";
import { group, never, type TestDaemon } from "../test-daemon.js";

const minute = 60_000;
const day = 1_440 * minute;

const namesOf = ({ store }: TestDaemon) => store.snapshots.ofGroup(group).map(({ name }) => name);
const left = (daemon: TestDaemon, names: readonly string[]) =>
  waitFor(() => (namesOf(daemon).join() === names.join() ? true : undefined), AbortSignal.timeout(20_000));

/** A sandbox with snapshots of these names, the oldest first. */
async function withSnapshots(host: TimedHost, daemon: TestDaemon, names: readonly string[]) {
  const sandbox = await host.create(daemon, {});
  for (const name of names) {
    const labels: Record<string, string> = name.startsWith("pinned") ? { pinned: "" } : {};
    await daemon.control.snapshots.take(sandbox, { name, labels }, never);
  }
  return sandbox;
}

test("a group that keeps a number of each sandbox's snapshots loses the others, now and as more are taken", async () => {
  await using host = new TimedHost();
  const daemon = await host.timed();
  const sandbox = await withSnapshots(host, daemon, ["a", "pinned-b", "c", "d"]);
  expect((await daemon.control.groups.setSnapshotRetention(group, { keptPerSandbox: 2 })).snapshotRetention).toEqual({
    keptPerSandbox: 2,
  });
  await left(daemon, ["pinned-b", "c", "d"]);
  await daemon.control.snapshots.take(sandbox, { name: "e" }, never);
  await host.pass(minute);
  await left(daemon, ["pinned-b", "d", "e"]);
  expect(host.fake.snapshots.size).toBe(3);
});

test("one that a sandbox came from stays until that is deleted, and one whose sandbox is gone goes by its age", async () => {
  await using host = new TimedHost();
  const daemon = await host.timed();
  const { control, store } = daemon;
  const source = await withSnapshots(host, daemon, ["used", "old"]);
  const id = store.snapshots.ofGroup(group)[0]?.id ?? "";
  const copy = await control.sandboxes.create(group, { sourcesRef: { snapshot: { id } } }, never);
  await control.sandboxes.delete(source, never);
  await control.groups.setSnapshotRetention(group, { keptSeconds: 7 * 86_400 });
  await host.pass(6 * day);
  expect(namesOf(daemon)).toEqual(["used", "old"]);
  await host.pass(2 * day);
  await left(daemon, ["used"]);
  await control.sandboxes.delete(copy, never);
  await host.pass(minute);
  await left(daemon, []);
});

test("a clock that was just set makes nothing old, and the next daemon goes on with the rule", async () => {
  await using host = new TimedHost();
  const first = await host.timed();
  await withSnapshots(host, first, ["a"]);
  await first.control.groups.setSnapshotRetention(group, { keptSeconds: 86_400 });
  host.setBy = 30 * day;
  await host.pass(minute);
  await host.pass(5 * minute);
  expect(namesOf(first)).toEqual(["a"]);
  host.setBy = 0;
  await host.pass(minute);
  await first.close();
  const second = await host.timed();
  await host.pass(2 * day);
  await left(second, []);
});

test("without a rule nothing is looked at again and again", async () => {
  await using host = new TimedHost();
  const daemon = await host.timed();
  expect(host.alarm.timers).toEqual([]);
  await daemon.control.groups.setSnapshotRetention(group, { keptPerSandbox: 1 });
  expect(host.alarm.timers).toHaveLength(1);
  await daemon.control.groups.setSnapshotRetention(group, {});
  expect(host.alarm.timers).toEqual([]);
});
