import { AlcoveError } from "@alcove/contract";
import { expect, test } from "vitest";
import type { Engine, Probe } from "../engines/engine.js";
import { waitFor } from "../lib/backoff.js";
import { daemonOwner } from "../policy/access.js";
import { debian, group, never, TestHost, withMembers } from "./test-daemon.js";

test("a daemon adopts what runs: files, detached execs and their output are there", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const sandbox = await first.control.sandboxes.create(group, debian, never);
  await first.control.execs.runShellCommand(sandbox, { command: "echo kept > /tmp/file" }, never);
  const exec = await first.control.execs.start(sandbox, { shellCommand: "echo before; cat", stdin: true }, never);
  await first.close();

  const { control } = await host.daemon();
  expect(await control.sandboxes.get(sandbox)).toMatchObject(sandbox);
  expect((await control.execs.runCommand(sandbox, { command: "cat", args: ["/tmp/file"] }, never)).stdout).toBe(
    "kept\n",
  );
  const ref = { ...sandbox, execId: exec.id };
  expect(await control.execs.get(ref, 0, never)).toMatchObject({ state: "Running" });
  await control.execs.writeStdin(ref, one("after"), { close: true }, never);
  let output = "";
  for await (const message of control.execs.attach(ref, 0, never)) {
    if (message.type === "output") output += Buffer.from(message.bytes).toString();
  }
  expect(output).toBe("before\nafter");
  expect((await control.system.health(daemonOwner)).memory?.committedMiB).toBe(2_048);
});

test("execs whose client died with the daemon end when the next one starts; recorded ones go on", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const sandbox = await first.control.sandboxes.create(group, { ...debian, cmd: ["sleep", "600"] }, never);
  const kept = await first.control.execs.start(sandbox, { args: ["sleep", "600"] }, never);
  const guest = host.fake.machines.get(sandbox.id);
  await first.close();
  guest?.execs.start(orphan);
  const { control } = await host.daemon();
  const ids = await waitFor(async () => {
    const list = await control.execs.list(sandbox, never);
    return list.length === 2 ? list.map(({ id }) => id).sort() : undefined;
  }, never);
  expect(ids).toEqual([kept.id, sandbox.entrypointExecId].sort());
});

test("a record of an exec that the guest never heard of is forgotten", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const sandbox = await first.control.sandboxes.create(group, debian, never);
  first.store.execs.insert({ id: orphan.id, sandboxId: sandbox.id, startedAt: 1 });
  first.store.journal.begin({ operation: "exec", sandboxId: sandbox.id, execId: orphan.id, step: "start", at: 1 });
  await first.close();
  const { store } = await host.daemon();
  expect(store.execs.list(sandbox.id)).toEqual([]);
  expect(store.journal.list()).toEqual([]);
});

test("machines that are gone leave Stopped sandboxes that say why", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const lost = await first.control.sandboxes.create(group, debian, never);
  await first.close();
  host.fake.machines.get(lost.id)?.stop({ reason: "EngineLost", message: "killed" });
  const second = await host.daemon();
  expect((await second.control.sandboxes.get(lost)).stateDetails.stoppedReason).toBe("EngineLost");
  const restarted = await second.control.sandboxes.create(group, debian, never);
  await second.close();
  host.fake.restart();
  const third = await host.daemon();
  expect(await third.control.sandboxes.get(restarted)).toMatchObject({
    state: "Stopped",
    stateDetails: { stoppedReason: "HostRestarted", message: "The host was restarted." },
  });
});

test("machines that no row claims are removed", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const sandbox = await first.control.sandboxes.create(group, debian, never);
  first.store.sandboxes.remove(sandbox.id);
  await first.close();
  await host.daemon();
  expect(host.fake.machines.size).toBe(0);
});

test("sandboxes of another engine are Stopped, not guessed at", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const sandbox = await first.control.sandboxes.create(group, debian, never);
  await first.close();
  const second = await host.daemon({ engine: (engine) => ({ ...withMembers(engine), name: "other" }) });
  expect((await second.control.sandboxes.get(sandbox)).stateDetails.message).toContain("by the fake engine");
});

test("calls wait until sandboxes are taken up; health does not", async () => {
  await using host = new TestHost();
  let letGo: () => void = () => undefined;
  const taken = new Promise<void>((resolve) => (letGo = resolve));
  const daemon = host.build({
    engine: (engine) => ({
      ...withMembers(engine),
      recover: async (owned, signal) => {
        await taken;
        return engine.recover(owned, signal);
      },
    }),
  });
  const started = daemon.start();
  let hasAnswered = false;
  const listed = daemon.control.sandboxes.list(group, {}).then(() => (hasAnswered = true));
  expect(await daemon.control.system.health(daemonOwner)).toMatchObject({ engine: "fake", status: "ok" });
  expect(hasAnswered).toBe(false);
  letGo();
  await Promise.all([started, listed]);
});

test("without an engine that works the daemon answers, says what is missing, and goes on when it is mended", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const sandbox = await first.control.sandboxes.create(group, debian, never);
  await first.close();
  const mending = { isBroken: true };
  const { control } = await host.daemon({ engine: (engine) => breakable(engine, mending) });
  expect(await control.system.health(daemonOwner)).toMatchObject({
    status: "degraded",
    problems: ["QEMU is not installed."],
  });
  expect((await control.system.doctor(never)).findings[0]).toMatchObject({ check: "qemu", level: "error" });
  await expect(control.sandboxes.create(group, debian, never)).rejects.toMatchObject({
    code: "EngineUnavailable",
    message: "QEMU is not installed.",
    hint: "apt install qemu-system-x86",
  });
  expect((await control.sandboxes.get(sandbox)).state).toBe("Running");
  await expect(control.execs.list(sandbox, never)).rejects.toMatchObject({ code: "EngineUnavailable" });
  mending.isBroken = false;
  await control.system.doctor(never);
  expect((await control.execs.runCommand(sandbox, { command: "true" }, never)).exitCode).toBe(0);
  expect((await control.system.health(daemonOwner)).status).toBe("ok");
});

function breakable(engine: Engine, mending: { isBroken: boolean }): Engine {
  const finding = {
    check: "qemu",
    level: "error",
    sentence: "QEMU is not installed.",
    remedy: "apt install qemu-system-x86",
  } as const;
  return {
    ...withMembers(engine),
    probe: async (signal): Promise<Probe> =>
      mending.isBroken ? { works: false, findings: [finding] } : engine.probe(signal),
    recover: async (owned, signal) => {
      if (mending.isBroken) throw new AlcoveError("EngineUnavailable", finding.sentence, { hint: finding.remedy });
      return engine.recover(owned, signal);
    },
  };
}

const orphan = {
  id: "0f8fad5b-d9cb-469f-a165-70867728950e",
  argv: ["sleep", "600"],
  environment: {},
  stdin: false,
};

async function* one(text: string) {
  yield Buffer.from(text);
}
