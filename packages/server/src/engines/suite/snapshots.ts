/** Snapshots: of machines that run, from which others go on. */
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import type { Machine, Saved, SaveMode, Saves } from "../engine.js";
import type { Subject } from "./subject.js";

export function snapshotCases(subject: Subject): void {
  subject.case("machines go on from a snapshot by themselves, and so does the one that it was taken of", async () => {
    const before = await subject.under.residue();
    const source = await subject.start();
    const exec = await subject.detach(
      "head -c 16 /dev/urandom > /dev/null; while true; do echo x; sleep 0.05; done",
      {},
      source,
    );
    await subject.shell("echo before > /root/when", {}, source);
    const snapshotId = randomUUID();
    const saved = await snapshot(source, snapshotId, subject);
    expect(saved).toMatchObject({ mode: "Memory", isFrozen: true });
    await subject.shell("echo after > /root/when", {}, source);
    await goesOn(source, exec.id, subject);

    const copies = await Promise.all([1, 2].map(() => from(snapshotId, "Memory", subject)));
    const drawn: string[] = [];
    for (const copy of copies) {
      expect((await subject.shell("cat /root/when", {}, copy)).stdout).toBe("before\n");
      await goesOn(copy, exec.id, subject);
      drawn.push((await subject.shell("head -c 64 /dev/urandom", {}, copy)).stdout);
      await subject.shell("echo mine > /root/when", {}, copy);
    }
    expect(drawn[0]).not.toBe(drawn[1]);
    expect((await subject.shell("cat /root/when", {}, source)).stdout).toBe("after\n");
    await source.destroy();
    const late = await from(snapshotId, "Memory", subject);
    expect((await subject.shell("cat /root/when", {}, late)).stdout).toBe("before\n");
    await Promise.all([late, ...copies].map((copy) => copy.destroy()));
    await saves(subject).remove({ kind: "snapshot", snapshotId });
    expect(await subject.under.residue()).toEqual(before);
  });

  subject.case("snapshots of a machine follow each other, and each keeps its instant", async () => {
    const before = await subject.under.residue();
    const source = await subject.start();
    const ids = [randomUUID(), randomUUID()];
    for (const id of ids) {
      await subject.shell(`echo ${id} >> /root/ids`, {}, source);
      await snapshot(source, id, subject);
    }
    for (const [index, snapshotId] of ids.entries()) {
      const copy = await from(snapshotId, "Disk", subject);
      expect((await subject.shell("cat /root/ids", {}, copy)).stdout.trim().split("\n")).toEqual(
        ids.slice(0, index + 1),
      );
      await copy.destroy();
      const size = await saves(subject).sizeOf({ kind: "snapshot", snapshotId });
      expect(size.ownBytes).toBeGreaterThan(0);
    }
    await source.destroy();
    for (const snapshotId of ids) await saves(subject).remove({ kind: "snapshot", snapshotId });
    expect(await subject.under.residue()).toEqual(before);
  });

  subject.case("a snapshot of a suspended machine outlives it, and its disk can be written out", async () => {
    const before = await subject.under.residue();
    const source = await subject.start();
    await subject.shell("echo marked-by-the-suite > /root/mark; sync; echo held > /dev/shm/held", {}, source);
    if (source.suspend === undefined) throw new Error("the engine suspends nothing");
    await source.suspend("Memory", subject.signal());
    const snapshotId = randomUUID();
    await saves(subject).snapshotSuspended(source.id, snapshotId, { volumes: [] }, subject.signal());
    await saves(subject).remove({ kind: "suspended", sandboxId: source.id });
    const path = join(tmpdir(), `alcove-${randomUUID()}.raw`);
    try {
      await saves(subject).writeDisk({ kind: "snapshot", snapshotId }, path, subject.signal());
      const machine = await subject.start(randomUUID(), subject.signal(), subject.engine, {
        ...subject.under.disk,
        ...{ digest: `sha256:${snapshotId}`, path, warm: [] },
      });
      expect((await subject.shell("cat /root/mark", {}, machine)).stdout).toBe("marked-by-the-suite\n");
      await machine.destroy();
    } finally {
      await rm(path, { force: true });
    }
    const copy = await from(snapshotId, "Memory", subject);
    expect((await subject.shell("cat /dev/shm/held", {}, copy)).stdout).toBe("held\n");
    await copy.destroy();
    await saves(subject).remove({ kind: "snapshot", snapshotId });
    expect(await subject.under.residue()).toEqual(before);
  });

  subject.case("a snapshot goes on from its files alone, with all that was on its disk", async () => {
    const before = await subject.under.residue();
    const source = await subject.start();
    await subject.shell("echo filed > /root/mark; sync", {}, source);
    const [first, second] = [randomUUID(), randomUUID()];
    await snapshot(source, first, subject);
    await source.destroy();
    const { size } = subject.under;
    {
      await using place = await saves(subject).workplace();
      const packed = await saves(subject).pack(first, place.directory, subject.signal());
      await saves(subject).remove({ kind: "snapshot", snapshotId: first });
      const wrong = { ...packed, size, files: [...packed.files, "other"] };
      await expect(saves(subject).unpack(second, wrong, subject.signal())).rejects.toMatchObject({
        code: "InvalidRequest",
      });
      const saved = await saves(subject).unpack(second, { ...packed, size }, subject.signal());
      expect(saved).toMatchObject({ mode: "Memory" });
    }
    for (const mode of ["Memory", "Disk"] as const) {
      const copy = await from(second, mode, subject);
      expect((await subject.shell("cat /root/mark", {}, copy)).stdout).toBe("filed\n");
      await copy.destroy();
    }
    await saves(subject).remove({ kind: "snapshot", snapshotId: second });
    expect(await subject.under.residue()).toEqual(before);
  });
}

async function goesOn(machine: Machine, execId: string, subject: Subject): Promise<void> {
  const seen = async () => (await machine.guest.execs.get(execId, 0, subject.signal())).stdoutBytes;
  const now = await seen();
  await waitFor(async () => (await seen()) > now || undefined, subject.signal());
}

async function snapshot(machine: Machine, snapshotId: string, subject: Subject): Promise<Saved> {
  if (machine.snapshot === undefined) throw new Error(`the engine ${subject.engine.name} takes no snapshots`);
  return await machine.snapshot(snapshotId, { mustFreeze: true }, subject.signal());
}

function from(snapshotId: string, mode: SaveMode, subject: Subject): Promise<Machine> {
  return subject.startFrom({ kind: "snapshot", snapshotId, from: mode }, { id: randomUUID(), generation: 1 });
}

function saves(subject: Subject): Saves {
  if (subject.engine.saves === undefined) throw new Error(`the engine ${subject.engine.name} keeps nothing`);
  return subject.engine.saves;
}
