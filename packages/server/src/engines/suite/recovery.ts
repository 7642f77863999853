/** What survives the daemon: a new engine on the same host finds what the old one left. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { collect, type Subject } from "./subject.js";

export function recoveryCases(subject: Subject): void {
  subject.case("a new engine adopts what is owned, with its execs, and removes the rest", async () => {
    const before = await subject.under.residue();
    const first = await subject.under.createEngine();
    const kept = await subject.start(randomUUID(), subject.signal(), first);
    const orphan = await subject.start(randomUUID(), subject.signal(), first);
    const exec = await subject.detach("echo before; cat; exit 8", { stdin: true }, kept);
    const seen = async () => (await kept.guest.execs.get(exec.id, 0, subject.signal())).stdoutBytes;
    await waitFor(async () => (await seen()) === 7 || undefined, subject.signal());
    await first.close();
    await subject.engine.close();

    const second = await subject.under.createEngine();
    const gone = randomUUID();
    const owned = {
      running: new Set([kept.id, gone, subject.machine.id]),
      suspended: new Set<string>(),
      snapshots: new Set<string>(),
    };
    const { machines, lost, removed } = await second.recover(owned, subject.signal());
    expect(machines.map(({ id }) => id).sort()).toEqual([kept.id, subject.machine.id].sort());
    expect([...lost.keys()]).toEqual([gone]);
    expect(removed.join("\n")).toContain(orphan.id);

    const adopted = machines.find(({ id }) => id === kept.id);
    if (adopted === undefined) throw new Error("the machine was not adopted");
    await adopted.guest.execs.writeStdin(exec.id, (async function* () {})(), { close: true }, subject.signal());
    const outcome = await collect(adopted.guest.execs.attach(exec.id, 3, subject.signal()));
    expect(outcome).toMatchObject({ stdout: "ore\n", end: { exitCode: 8 } });
    await adopted.destroy();
    expect((await adopted.ended).reason).toBe("Destroyed");
    subject.continueWith(second, machines);
    expect(await subject.under.residue()).toEqual(before);
  });
}
