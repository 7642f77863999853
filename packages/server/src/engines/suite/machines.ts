/** Machines as a whole: starting, being unlike each other, ending. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import type { Subject } from "./subject.js";

export function machineCases(subject: Subject): void {
  subject.case("the probe says that it works", async () => {
    const probe = await subject.engine.probe(subject.signal());
    expect(probe.findings.filter(({ level }) => level === "error")).toEqual([]);
    expect(probe.works).toBe(true);
  });

  subject.case("preparing what is there is quick, and calls at once share the work", async () => {
    const { disk, size } = subject.under;
    const calls = [1, 2, 3].map(() => subject.engine.prepare(disk, size, { signal: subject.signal() }));
    await Promise.all(calls);
  });

  subject.case("a machine costs the host at least its memory", async () => {
    expect(subject.engine.cost(subject.under.size).memoryMiB).toBeGreaterThanOrEqual(subject.under.size.memoryMiB);
  });

  subject.case(
    "a machine is renewed before it takes calls: name, machine id, generation, clock, environment",
    async () => {
      const { guest, id } = subject.machine;
      expect((await subject.run(["hostname"])).stdout).toBe(`host-${id.slice(0, 8)}\n`);
      expect((await subject.run(["cat", "/etc/machine-id"])).stdout).toMatch(/^[0-9a-f]{32}\n$/);
      expect((await guest.health(subject.signal())).generation).toBe(1);
      const before = Date.now();
      const guestMs = Number(BigInt((await guest.stats(subject.signal())).unixNanos) / 1_000_000n);
      expect(guestMs).toBeGreaterThan(before - 500);
      expect(guestMs).toBeLessThan(Date.now() + 500);
      expect((await subject.shell('echo "$FROM_SANDBOX"')).stdout).toBe("yes\n");
    },
  );

  subject.case("two machines are unlike: machine id and random bytes", async () => {
    const other = await subject.start();
    const script = "cat /etc/machine-id; head -c 64 /dev/urandom";
    const [mine, theirs] = [await subject.shell(script), await subject.shell(script, {}, other)];
    expect(mine.stdout.slice(0, 33)).not.toBe(theirs.stdout.slice(0, 33));
    expect(mine.stdout.slice(33)).not.toBe(theirs.stdout.slice(33));
    await other.destroy();
  });

  subject.case("statistics and processes are told", async () => {
    const { guest } = subject.machine;
    const stats = await guest.stats(subject.signal());
    expect(stats.memoryTotalBytes).toBeGreaterThan(0);
    expect(stats.memoryUsedBytes).toBeLessThan(stats.memoryTotalBytes);
    expect(stats.diskTotalBytes).toBeGreaterThan(0);
    const exec = await subject.detach("sleep 1000");
    const processes = await guest.processes(subject.signal());
    expect(processes.find(({ execId }) => execId === exec.id)).toBeDefined();
    await guest.execs.delete(exec.id, { force: true }, subject.signal());
  });

  subject.case("the console can be read, within 64 KiB", async () => {
    const console = await subject.machine.console();
    expect(console).toBeInstanceOf(Uint8Array);
    expect(console.length).toBeLessThanOrEqual(65_536);
  });

  subject.case("a frozen guest stands still and goes on when thawed", async () => {
    const { guest } = subject.machine;
    const exec = await subject.detach("while true; do echo x; sleep 0.02; done");
    const bytesAfter = async (waitMs: number) => (await guest.execs.get(exec.id, waitMs, subject.signal())).stdoutBytes;
    await waitFor(async () => (await bytesAfter(0)) > 0 || undefined, subject.signal());
    expect(await guest.freeze(5_000, subject.signal())).toBe(true);
    const frozen = await bytesAfter(50);
    expect(await bytesAfter(500)).toBe(frozen);
    await guest.thaw(subject.signal());
    await waitFor(async () => (await bytesAfter(20)) > frozen || undefined, subject.signal());
    await guest.execs.delete(exec.id, { force: true }, subject.signal());
  });

  subject.case("destroying leaves nothing, and can be repeated", async () => {
    const before = await subject.under.residue();
    const machine = await subject.start();
    await machine.destroy();
    await machine.destroy();
    expect((await machine.ended).reason).toBe("Destroyed");
    expect(await subject.under.residue()).toEqual(before);
    await expect(machine.guest.health(subject.signal())).rejects.toMatchObject({ code: "GuestUnresponsive" });
  });

  subject.case("a start that is aborted leaves nothing, whenever that is", async () => {
    const before = await subject.under.residue();
    for (const delayMs of [0, 5, 30, 100]) {
      const reason = new Error(`aborted after ${delayMs} ms`);
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(reason), delayMs);
      const outcome = await subject.start(randomUUID(), controller.signal).catch((error: unknown) => error);
      clearTimeout(timer);
      if (outcome === reason) continue;
      expect(outcome).toHaveProperty("guest");
      await (outcome as Awaited<ReturnType<Subject["start"]>>).destroy();
    }
    expect(await subject.under.residue()).toEqual(before);
  });

  subject.case("a machine that powers itself off is noticed", async () => {
    const before = await subject.under.residue();
    const machine = await subject.start();
    const running = subject.run(subject.under.powerOff, {}, machine).catch(() => {});
    const end = await machine.ended;
    expect(end.reason).toBe("GuestExited");
    expect(end.message).not.toBe("");
    await running;
    await machine.destroy();
    expect(await subject.under.residue()).toEqual(before);
  });
}
