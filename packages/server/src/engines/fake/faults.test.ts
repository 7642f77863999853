/** What tests above the engine make go wrong. */
import { randomUUID } from "node:crypto";
import { tiers } from "@alcove/contract";
import { expect, test } from "vitest";
import type { MachineSpec } from "../engine.js";
import { createFakeEngine } from "./engine.js";
import { FakeHost } from "./host.js";

const nothingOwned = { running: new Set<string>(), suspended: new Set<string>(), snapshots: new Set<string>() };

const signal = AbortSignal.timeout(60_000);

test("a start that fails leaves nothing", async () => {
  const { host, engine } = make();
  host.faults.startError = new Error("no room");
  await expect(engine.start(spec(), signal)).rejects.toThrow("no room");
  expect(host.machines.size).toBe(0);
  delete host.faults.startError;
  await (await engine.start(spec(), signal)).destroy();
});

test("a slow start can be aborted", async () => {
  const { host, engine } = make();
  host.faults.startDelayMs = 60_000;
  const controller = new AbortController();
  const starting = engine.start(spec(), controller.signal);
  setImmediate(() => controller.abort(new Error("enough")));
  await expect(starting).rejects.toThrow("enough");
  expect(host.machines.size).toBe(0);
});

test("a machine that dies ends, and says why", async () => {
  const { host, engine } = make();
  const machine = await engine.start(spec(), signal);
  host.machines.get(machine.id)?.stop({ reason: "EngineLost", message: "It was killed." });
  expect(await machine.ended).toEqual({ reason: "EngineLost", message: "It was killed." });
  await expect(machine.guest.health(signal)).rejects.toMatchObject({ code: "GuestUnresponsive" });
});

test("a hold is told, stops programs, and ends", async () => {
  const { host, engine } = make();
  const machine = await engine.start(spec(), signal);
  const holds: unknown[] = [];
  const stop = machine.onHold((hold) => holds.push(hold));
  const fake = host.machines.get(machine.id);
  fake?.setHold({ reason: "DiskFull" });
  const run = { id: randomUUID(), argv: ["echo", "on"], environment: {}, stdin: false };
  await machine.guest.execs.start(run, signal);
  expect((await machine.guest.execs.get(run.id, 50, signal)).state).toBe("Running");
  fake?.setHold(undefined);
  expect((await machine.guest.execs.get(run.id, 10_000, signal)).state).toBe("Exited");
  stop();
  fake?.setHold({ reason: "DiskFull" });
  expect(holds).toEqual([{ reason: "DiskFull" }, undefined]);
  await machine.destroy();
});

test("after a restart of the host every machine is lost to it", async () => {
  const { host, engine } = make();
  const machine = await engine.start(spec(), signal);
  await engine.close();
  host.restart();
  const { machines, lost } = await createFakeEngine({ host }).recover(
    { ...nothingOwned, running: new Set([machine.id]) },
    signal,
  );
  expect(machines).toEqual([]);
  expect(lost.get(machine.id)?.reason).toBe("HostRestarted");
});

test("a machine whose agent is silent is lost when it is looked for", async () => {
  const { host, engine } = make();
  const machine = await engine.start(spec(), signal);
  await engine.close();
  const fake = host.machines.get(machine.id);
  if (fake !== undefined) fake.isSilent = true;
  const patience = { answerTimeoutMs: 50, tries: 2 };
  const { lost } = await createFakeEngine({ host, patience }).recover(
    { ...nothingOwned, running: new Set([machine.id]) },
    signal,
  );
  expect(lost.get(machine.id)?.reason).toBe("EngineLost");
  expect(host.machines.size).toBe(0);
});

test("a channel that hangs up is connected again", async () => {
  const { host, engine } = make();
  const machine = await engine.start(spec(), signal);
  host.machines.get(machine.id)?.hangUp();
  expect((await machine.guest.health(signal)).generation).toBe(1);
  await machine.destroy();
});

function make() {
  const host = new FakeHost();
  return { host, engine: createFakeEngine({ host }) };
}

function spec(): MachineSpec {
  const disk = { name: "debian", digest: "sha256:0", path: "/nowhere", warm: [] };
  return { id: randomUUID(), disk, size: tiers.XS, hostname: "h", environment: {}, generation: 1 };
}
