import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { never, type TestDaemon } from "../test-daemon.js";
import { TimedHost } from "./timed-host-test-kit.js";

const second = 1_000;
const day = 86_400 * second;

const gone = (daemon: TestDaemon, id: string) =>
  waitFor(() => (daemon.store.sandboxes.find(id) === undefined ? true : undefined), AbortSignal.timeout(20_000));

test("a sandbox is deleted when its maximum lifetime is over, and not before, whatever it does", async () => {
  await using host = new TimedHost();
  const daemon = await host.timed();
  const sandbox = await host.create(daemon, { maximumLifetimeInSeconds: 600 });
  const other = await host.create(daemon, {});
  const { activity } = await daemon.control.sandboxes.get(sandbox);
  expect(activity?.deletesAt).toBe(new Date(Date.parse(sandbox.createdAt) + 600 * second).toISOString());
  await daemon.control.execs.start(sandbox, { args: ["sleep", "100000"] }, never);
  await host.pass(590 * second);
  expect((await daemon.control.sandboxes.get(sandbox)).state).toBe("Running");
  await host.pass(11 * second);
  await gone(daemon, sandbox.id);
  expect((await daemon.control.sandboxes.get(other)).state).toBe("Running");
  expect(host.fake.machines.size).toBe(1);
});

test("AfterSuspend counts from when it stopped, for whatever reason, and goes on while no daemon runs", async () => {
  await using host = new TimedHost();
  const first = await host.timed();
  const sandbox = await host.create(first, { autoDeletePolicy: { enabled: true, deleteIntervalInDays: 1 } });
  await host.pass(3_600 * second);
  expect((await first.control.sandboxes.get(sandbox)).activity).not.toHaveProperty("deletesAt");
  host.fake.machines.get(sandbox.id)?.stop({ reason: "GuestExited", message: "It powered off." });
  const stopped = await waitFor(async () => {
    const now = await first.control.sandboxes.get(sandbox);
    return now.state === "Stopped" ? now : undefined;
  }, never);
  const stoppedAt = Date.parse(stopped.stateDetails.stoppedAt ?? "");
  expect(stopped.activity).toEqual({ keptAwakeBy: [], deletesAt: new Date(stoppedAt + day).toISOString() });
  await first.close();
  host.alarm.pass(stoppedAt + day - host.wall() - 10 * second);
  const second_ = await host.timed();
  await host.pass(0);
  expect(second_.store.sandboxes.find(sandbox.id)?.state).toBe("Stopped");
  await host.pass(11 * second);
  await gone(second_, sandbox.id);
});

test("a policy that is changed counts at once: one whose time is over is deleted, one that is taken away deletes nothing", async () => {
  await using host = new TimedHost();
  const daemon = await host.timed();
  const spared = await host.create(daemon, { maximumLifetimeInSeconds: 60 });
  const ended = await host.create(daemon, {});
  await daemon.control.sandboxes.setLifecycle(spared, { maximumLifetimeInSeconds: null });
  await host.pass(120 * second);
  await daemon.control.sandboxes.setLifecycle(ended, { maximumLifetimeInSeconds: 60 });
  await host.pass(0);
  await gone(daemon, ended.id);
  expect((await daemon.control.sandboxes.get(spared)).state).toBe("Running");
});

test("a host's clock that is set forth and soon put right deletes nothing", async () => {
  await using host = new TimedHost();
  const daemon = await host.timed();
  const sandbox = await host.create(daemon, { maximumLifetimeInSeconds: 30 * 86_400 });
  host.setBy = 400 * day;
  await host.pass(3_600 * second);
  expect((await daemon.control.sandboxes.get(sandbox)).state).toBe("Running");
  await host.pass(500 * second);
  host.setBy = 0;
  await host.pass(3_600 * second);
  await host.pass(3_600 * second);
  expect((await daemon.control.sandboxes.get(sandbox)).state).toBe("Running");
  host.setBy = 400 * day;
  await host.pass(3_600 * second);
  await host.pass(601 * second);
  await gone(daemon, sandbox.id);
});

test("a sandbox that is deleted, or whose group is, is not looked at any more", async () => {
  await using host = new TimedHost();
  const daemon = await host.timed();
  const sandbox = await host.create(daemon, { maximumLifetimeInSeconds: 60 });
  expect(host.alarm.timers).toHaveLength(1);
  await daemon.control.sandboxes.delete(sandbox, never);
  await host.pass(120 * second);
  expect(host.alarm.timers).toEqual([]);
});
