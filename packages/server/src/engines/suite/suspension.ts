/** Machines that are suspended and go on: with their memory, or from their disk alone. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import type { Machine, MachineOrigin, Saved, SaveMode } from "../engine.js";
import { collect, type Subject } from "./subject.js";

export function suspensionCases(subject: Subject): void {
  subject.case(
    "a suspended machine goes on where it stood: programs, memory, open files, execs and their output",
    async () => {
      const machine = await subject.start();
      const script = 'exec 7>>/tmp/open; i=0; while true; do i=$((i+1)); echo $i; echo "line $i" >&7; sleep 0.05; done';
      const exec = await subject.detach(script, {}, machine);
      const seen = async (of: Machine) => (await of.guest.execs.get(exec.id, 0, subject.signal())).stdoutBytes;
      await subject.shell(
        "head -c 50000000 /dev/urandom > /dev/shm/held; sha256sum /dev/shm/held > /dev/shm/sum",
        {},
        machine,
      );
      await waitFor(async () => (await seen(machine)) > 8 || undefined, subject.signal());

      const saved = await suspend(machine, "Memory", subject);
      expect(saved).toMatchObject({ mode: "Memory", isFrozen: true });
      expect(saved.size.ownBytes).toBeGreaterThan(50_000_000);
      expect((await machine.ended).reason).toBe("Suspended");

      const resumed = await goOn(machine, "Memory", subject);
      expect((await resumed.guest.health(subject.signal())).generation).toBe(2);
      const before = await seen(resumed);
      await waitFor(async () => (await seen(resumed)) > before + 20 || undefined, subject.signal());
      expect((await subject.shell("sha256sum -c --quiet /dev/shm/sum && echo whole", {}, resumed)).stdout).toBe(
        "whole\n",
      );
      await resumed.guest.execs.signal(exec.id, "KILL", subject.signal());
      const { stdout } = await collect(resumed.guest.execs.attach(exec.id, 0, subject.signal()));
      const numbers = stdout.trim().split("\n").map(Number);
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
      const lines = (await subject.shell("tail -n 1 /tmp/open; wc -l < /tmp/open", {}, resumed)).stdout.split("\n");
      expect(lines[0]).toBe(`line ${lines[1]}`);
      await resumed.destroy();
    },
  );

  subject.case(
    "a machine can be suspended again and again, keeps little of each time, and leaves nothing",
    async () => {
      const before = await subject.under.residue();
      const bounded = before.length + 5;
      let machine = await subject.start();
      for (let time = 1; time <= 6; time++) {
        await subject.shell(`echo ${time} >> /root/times; echo ${time} >> /dev/shm/times; sync`, {}, machine);
        await suspend(machine, "Memory", subject);
        if (time === 6)
          await waitFor(async () => (await subject.under.residue()).length <= bounded || undefined, subject.signal());
        machine = await goOn(machine, "Memory", subject, 1 + time);
      }
      const all = "1\n2\n3\n4\n5\n6\n";
      expect(
        (
          await subject.shell(
            "dd if=/root/times iflag=nocache count=0 status=none; cat /root/times /dev/shm/times",
            {},
            machine,
          )
        ).stdout,
      ).toBe(all + all);
      await machine.destroy();
      expect(await subject.under.residue()).toEqual(before);
    },
  );

  subject.case("a machine whose disk was kept boots from it, also where its memory was kept too", async () => {
    const before = await subject.under.residue();
    let machine = await subject.start();
    for (const [generation, mode] of [
      [2, "Disk"],
      [3, "Memory"],
    ] as const) {
      await subject.shell(`echo ${mode} >> /root/modes; sync; echo lost > /dev/shm/lost`, {}, machine);
      expect((await suspend(machine, mode, subject)).mode).toBe(mode);
      if (mode === "Disk")
        await expect(goOn(machine, "Memory", subject)).rejects.toMatchObject({ code: "SnapshotIncompatible" });
      machine = await goOn(machine, "Disk", subject, generation);
      expect((await machine.guest.health(subject.signal())).generation).toBe(generation);
      expect((await subject.shell("test -e /dev/shm/lost || hostname", {}, machine)).stdout).toBe(
        `host-${machine.id.slice(0, 8)}\n`,
      );
    }
    await suspend(machine, "Memory", subject);
    machine = await goOn(machine, "Memory", subject, 4);
    expect((await subject.shell("cat /root/modes", {}, machine)).stdout).toBe("Disk\nMemory\n");
    await machine.destroy();
    expect(await subject.under.residue()).toEqual(before);
  });

  subject.case("what is suspended is found by a new engine, and what nobody claims is removed", async () => {
    const before = await subject.under.residue();
    const first = await subject.under.createEngine();
    const [kept, orphan] = [
      await subject.start(randomUUID(), subject.signal(), first),
      await subject.start(randomUUID(), subject.signal(), first),
    ];
    await subject.shell("echo here > /dev/shm/there", {}, kept);
    for (const machine of [kept, orphan]) await suspend(machine, "Memory", subject);
    await first.close();
    await subject.engine.close();

    const second = await subject.under.createEngine();
    const gone = randomUUID();
    const owned = {
      running: new Set([subject.machine.id]),
      suspended: new Set([kept.id, gone]),
      snapshots: new Set<string>(),
    };
    const { machines, lost, removed } = await second.recover(owned, subject.signal());
    subject.continueWith(second, machines);
    expect([...lost.keys()]).toEqual([gone]);
    expect(removed.join("\n")).toContain(orphan.id);
    const resumed = await goOn(kept, "Memory", subject);
    expect((await subject.shell("cat /dev/shm/there", {}, resumed)).stdout).toBe("here\n");
    await resumed.destroy();
    expect(await subject.under.residue()).toEqual(before);
  });

  subject.case("nothing goes on from what was never kept", async () => {
    await expect(goOn({ id: randomUUID() }, "Memory", subject)).rejects.toMatchObject({ code: "SnapshotIncompatible" });
  });
}

async function suspend(machine: Machine, mode: SaveMode, subject: Subject): Promise<Saved> {
  if (machine.suspend === undefined) throw new Error(`the engine ${subject.engine.name} suspends nothing`);
  return await machine.suspend(mode, subject.signal());
}

function goOn({ id }: Pick<Machine, "id">, from: SaveMode, subject: Subject, generation = 2): Promise<Machine> {
  const origin: MachineOrigin = { kind: "suspended", sandboxId: id, from };
  return subject.startFrom(origin, { id, generation });
}
